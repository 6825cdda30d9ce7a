"""What a caller asks for, as frozen values that become the JSON bodies and queries of the REST API v1.

A field that is None is not sent: the service's own default holds.
Left out: what the service answers (clients.models).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class DriverParameters:
    """Parameters of the driver's module (sizes in bytes)."""

    unplug_online: bool | None = None
    force_bbm: bool | None = None
    bbm_block_size: int | None = None
    bbm_safe_unplug: bool | None = None


@dataclass(frozen=True, kw_only=True)
class DriverSpec(DriverParameters):
    """What a booting guest does about a device's driver: whether it loads it, and with which parameters."""

    is_loaded: bool | None = None


@dataclass(frozen=True, kw_only=True)
class DeviceSpec:
    """A virtio-mem device to be made: its region, its block, and how much of it is asked for (bytes)."""

    size: int
    block_size: int | None = None
    requested_size: int | None = None
    # The NUMA node to which its memory belongs.
    node: int | None = None
    id: str | None = None
    backing_page_size: int | None = None
    unplugged_inaccessible: bool | None = None
    persistent_suspend: bool | None = None
    driver: DriverSpec | None = None


@dataclass(frozen=True, kw_only=True)
class CmaAreaSpec:
    """A CMA area in boot memory (bytes); without a base it lies as high as there is room."""

    name: str
    size: int
    base: int | None = None
    order_per_bit: int | None = None


@dataclass(frozen=True, kw_only=True)
class ClockSpec:
    """Who drives a guest's clock: "instant", "manual" or "realtime"; scale: simulated seconds for one of the wall's."""

    mode: str | None = None
    scale: float | None = None


@dataclass(frozen=True, kw_only=True)
class ScriptSpec:
    """A script of phases that a guest's programs play over time.

    repeat: begins again when it is over; tick_ms: how often a phase acts, in simulated milliseconds.
    """

    phases: Sequence[Mapping[str, object]]
    repeat: bool | None = None
    tick_ms: int | None = None
    seed: int | None = None


@dataclass(frozen=True, kw_only=True)
class GuestSpec:
    """A guest to be made from a geometry preset."""

    boot_size: int
    # How boot memory is shared among NUMA nodes; none: one node has all of it.
    numa_nodes: Sequence[int] | None = None
    preset: str = "x86-64"
    policy: str | None = None
    name: str | None = None
    fallback: Sequence[str] | None = None
    online: str | None = None
    auto_movable_ratio: int | None = None
    auto_movable_numa_aware: bool | None = None
    offline_max_rounds: int | None = None
    boot_reserved: int | None = None
    boot_used: int | None = None
    seed: int | None = None
    devices: Sequence[DeviceSpec] = ()
    cma_areas: Sequence[CmaAreaSpec] | None = None
    clock: ClockSpec | None = None
    # The units of simulated time that differ from the profile's: {"profile": "hyperalloc-2025", "drain_ns": 1000}.
    cost: Mapping[str, object] | None = None
    # The name of a ready-made one, or its steps.
    workload: str | Sequence[Mapping[str, object]] | None = None
    # What its programs do over time, from the start.
    phases: ScriptSpec | None = None


@dataclass(frozen=True, kw_only=True)
class ImportSpec:
    """How a capture becomes a guest, where the capture alone does not say it."""

    name: str | None = None
    policy: str | None = None
    fallback: Sequence[str] | None = None
    online: str | None = None
    seed: int | None = None
    # Which range is the device's: "auto", "zone:Movable", "range:START-END" or "above:START".
    device: str | None = None
    block_size: int | None = None
    # Which unmarked pages are taken to be on per-cpu lists, and how many movable ones to be pinned (0 to 1).
    per_cpu: str | None = None
    pinned_fraction: float | None = None


@dataclass(frozen=True, kw_only=True)
class AllocationSpec:
    """Pages to be taken on the guest's behalf: so many, or exactly the free pages at `at_pfns`."""

    kind: str
    order: int | None = None
    nr_pages: int | None = None
    size: int | None = None
    at_pfns: Sequence[int] | None = None
    label: str | None = None
    # The NUMA node where the pages are preferred.
    node: int | None = None
    # An atomic request for kernel memory above order 0, which adds to the HIGHATOMIC reserve.
    highatomic: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ScenarioSpec:
    """How a scenario is played: under which policies (none: those of which it says something), one case or all."""

    policies: Sequence[str] = ()
    case: str | None = None
    # Also what is seen after every section.
    steps: bool | None = None


@dataclass(frozen=True, kw_only=True)
class CompareSpec:
    """What kernels are compared in: a guest and what its device is asked for, or a scenario.

    Exactly one of requested_size and unplug (bytes) is asked of a guest, neither of a scenario. policies: None for
    the service's; fallbacks: None for each policy's own levels.
    """

    guest: str | None = None
    scenario: str | None = None
    device: str | None = None
    requested_size: int | None = None
    unplug: int | None = None
    policies: Sequence[str] | None = None
    fallbacks: Sequence[Sequence[str]] | None = None


@dataclass(frozen=True, kw_only=True)
class CompareCaptureSpec:
    """What kernels are compared in where a capture is the start: the request, and how the capture is read."""

    device: str | None = None
    requested_size: int | None = None
    unplug: int | None = None
    policies: Sequence[str] | None = None
    fallbacks: Sequence[Sequence[str]] | None = None
    # As an import's `device`: "auto", "zone:Movable", "range:START-END" or "above:START".
    memory: str | None = None
    online: str | None = None
    seed: int | None = None
    block_size: int | None = None
    per_cpu: str | None = None
    pinned_fraction: float | None = None


@dataclass(frozen=True)
class Upload:
    """A body that is sent piece by piece; its `size` is announced if known, so that a refusal comes early."""

    chunks: Iterable[bytes]
    size: int | None = None


def as_json(
    spec: GuestSpec | DriverParameters | ScriptSpec | AllocationSpec | ScenarioSpec | CompareSpec,
) -> dict[str, object]:
    """Returns the JSON body of `spec`, without the fields that are None."""
    return _without_none(asdict(spec))


def as_query(spec: ImportSpec) -> tuple[tuple[str, str], ...]:
    """Returns `spec` as query parameters; a list is one parameter with commas, None none."""
    fields = _without_none(asdict(spec))
    if spec.fallback is not None:
        fields["fallback"] = ",".join(spec.fallback)
    return tuple((name, str(value)) for name, value in fields.items())


def as_run_query(spec: ScenarioSpec) -> tuple[tuple[str, str], ...]:
    """Returns `spec` as query parameters, one for each policy."""
    others = {"case": spec.case, "steps": None if spec.steps is None else str(spec.steps).lower()}
    policies = [("policy", policy) for policy in spec.policies]
    return (*policies, *((name, value) for name, value in others.items() if value is not None))


def as_compare_query(spec: CompareCaptureSpec) -> tuple[tuple[str, str], ...]:
    """Returns `spec` as query parameters, one for each policy and for each list of levels."""
    fields = _without_none(asdict(spec))
    policies = [("policies", policy) for policy in spec.policies or ()]
    fallbacks = [("fallbacks", ",".join(levels)) for levels in spec.fallbacks or ()]
    others = [(name, str(value)) for name, value in fields.items() if name not in {"policies", "fallbacks"}]
    return (*others, *policies, *fallbacks)


def _without_none(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: _bare(value) for name, value in fields.items() if value is not None}


def _bare(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return [_without_none(item) if isinstance(item, dict) else item for item in value]
    return _without_none(value) if isinstance(value, dict) else value
