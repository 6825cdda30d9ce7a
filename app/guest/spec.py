"""What a caller asks for when a guest is made, and the plan that follows: sizes checked, devices placed.

    0            boot_size          4 GiB              addr               addr + size
    | boot memory |  nothing         |  alignment hole  | device region 0  | device region 1 ...

Kept here: which guests can exist. A value that cannot be is named by its field, `devices[0].size`.
Left out: making the guest (app.guest.boot), and how many guests a service allows.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from app.errors import InvalidValue, at_place
from app.guest.cma_plan import CmaAreaPlan, CmaAreaSpec, plan_cma_areas
from app.guest.cost import HYPERALLOC_2025, CostProfile
from app.guest.programs.phase_json import validate_script
from app.guest.programs.phases import Script
from app.guest.workload import WorkloadStep
from app.guest.workload_json import validate_labels
from app.mm.geometry import Geometry, preset, x86_memory_block_size
from app.mm.hotplug_rules import (
    DEFAULT_AUTO_MOVABLE_RATIO,
    DEFAULT_OFFLINE_MAX_ROUNDS,
    HotplugRules,
    parse_online_policy,
)
from app.mm.node import LARGEST_NR_NUMA_NODES
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.policy_text import parse_policy
from app.mm.policies.quantities import validate_together
from app.mm.policies.switches import Level
from app.units import GIB, KIB, MIB, align_up, format_size, is_aligned, is_power_of_two
from app.virtio_mem.driver.fallback import choose_levels, plan_fallback
from app.virtio_mem.driver.options import LOADED, DriverModule
from app.virtio_mem.protocol import ALL_FEATURES, Feature
from app.virtio_mem.region import EXTENT_ARM, EXTENT_X86, DeviceRegion

# Page numbers and links are 32-bit; 2**30 pages of 4 KiB are 4 TiB.
LARGEST_NR_PAGES = 1 << 30
LARGEST_NR_DEVICES = 32
LARGEST_SEED = (1 << 63) - 1
# Device memory starts here or above boot memory, as on QEMU's x86-64 machines.
DEVICE_MEMORY_START = 4 * GIB

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_NAME_ACCEPTED = "1 to 63 letters, digits, dots, dashes or underscores, beginning with a letter or digit"


@dataclass(frozen=True, kw_only=True)
class DeviceSpec:
    """One virtio-mem device; sizes in bytes. Without an id it is vm0, vm1 ... by its place."""

    size: int
    id: str | None = None
    # None: a pageblock, at least 1 MiB, as QEMU's default is a huge page (V-Q6).
    block_size: int | None = None
    requested_size: int = 0
    # The NUMA node to which its memory belongs (V-Q10).
    node: int = 0
    # Page size of the host's memory behind it: more than 4 KiB for hugetlb (V-Q6).
    backing_page_size: int = 4 * KIB
    # Whether it offers, and so needs, UNPLUGGED_INACCESSIBLE (V-Q8), and offers PERSISTENT_SUSPEND (V-18).
    unplugged_inaccessible: bool = True
    persistent_suspend: bool = True
    # Whether the guest loads the device's driver as it boots, and the module's parameters (8.10).
    driver: DriverModule = LOADED

    @property
    def features(self) -> Feature:
        """What it offers."""
        found = Feature.ACPI_PXM
        found |= Feature.UNPLUGGED_INACCESSIBLE if self.unplugged_inaccessible else Feature(0)
        return found | (Feature.PERSISTENT_SUSPEND if self.persistent_suspend else Feature(0))


@dataclass(frozen=True, kw_only=True)
class GuestSpec:
    """All that decides a guest: equal specs and equal commands give equal guests."""

    name: str
    boot_size: int
    # How boot memory is shared among NUMA nodes, from the first address on; some may have none. Empty: one node.
    numa_nodes: tuple[int, ...] = ()
    preset: str = "x86-64"
    # A preset, or a preset and switches: "linux-5.19+atomic_cut=yes" (app.mm.policies.policy_text).
    policy: str = "linux-5.19"
    # None: the policy's own.
    fallback: tuple[str, ...] | None = None
    # What the system does with hotplugged memory by itself (HP-2), and the ratio of auto-movable in per cent (HP-3).
    online: str = "online_movable"
    auto_movable_ratio: int = DEFAULT_AUTO_MOVABLE_RATIO
    auto_movable_numa_aware: bool = True
    # Rounds of migration after which offlining a memory block gives up (HP-6).
    offline_max_rounds: int = DEFAULT_OFFLINE_MAX_ROUNDS
    # Boot memory that the kernel keeps for good beside the memmap, and that it and programs use and do not give back.
    boot_reserved: int = 0
    boot_used: int = 0
    seed: int = 0
    devices: tuple[DeviceSpec, ...] = ()
    workload: tuple[WorkloadStep, ...] = ()
    # Begins to play once the guest is made.
    phases: Script | None = None
    # None: the preset's, and on large x86-64 guests what Linux would choose (G-6).
    memory_block_size: int | None = None
    # In boot memory, and active from the start.
    cma_areas: tuple[CmaAreaSpec, ...] = ()
    # What its acts take of simulated time.
    cost: CostProfile = HYPERALLOC_2025


@dataclass(frozen=True)
class DevicePlan:
    """A device with its place."""

    id: str
    region: DeviceRegion
    requested_size: int
    driver: DriverModule = LOADED
    features: Feature = ALL_FEATURES


@dataclass(frozen=True)
class GuestPlan:
    """A spec that was checked, with everything that follows from it; `nr_pages` is the span.

    numa_nodes: boot memory of each NUMA node, in bytes.
    """

    spec: GuestSpec
    geometry: Geometry
    numa_nodes: tuple[int, ...]
    policy: KernelPolicy
    levels: tuple[Level, ...]
    devices: tuple[DevicePlan, ...]
    cma_areas: tuple[CmaAreaPlan, ...]
    rules: HotplugRules
    nr_pages: int


def plan_guest(spec: GuestSpec) -> GuestPlan:
    """Checks `spec` and places its devices; touches no memory.

    Raises InvalidValue or Unknown, naming the field.
    """
    _require_name("name", spec.name)
    kernel_policy = parse_policy(spec.policy)
    rules = _rules(spec)
    if not 0 <= spec.seed <= LARGEST_SEED:
        raise InvalidValue("seed", spec.seed, f"0 to {LARGEST_SEED}")
    geometry = choose_geometry(spec)
    numa_nodes = _share_boot_memory(spec, geometry)
    validate_together(geometry, kernel_policy)
    levels = choose_levels(geometry, kernel_policy, spec.fallback)
    validate_labels(spec.workload)
    if spec.phases is not None:
        labels = [label for step in spec.workload for label in step.labels_made]
        validate_script(spec.phases, geometry, labels)
    devices = _place_devices(spec, geometry)
    for number, device in enumerate(devices):
        _require_driver(geometry, kernel_policy, spec.fallback, device=device, place=f"devices[{number}]")
    borders = tuple(accumulate(numa_nodes))
    areas = plan_cma_areas(
        spec.cma_areas, geometry, kernel_policy, boot_size=spec.boot_size, node_borders=borders
    )
    end = max([spec.boot_size, *(device.region.end for device in devices)])
    nr_pages = align_up(end, geometry.memory_block_size) // geometry.page_size
    return GuestPlan(spec, geometry, numa_nodes, kernel_policy, levels, devices, areas, rules, nr_pages)


def _rules(spec: GuestSpec) -> HotplugRules:
    rules = HotplugRules(
        parse_online_policy(spec.online),
        spec.auto_movable_ratio,
        spec.auto_movable_numa_aware,
        spec.offline_max_rounds,
    )
    rules.validate()
    return rules


def choose_geometry(spec: GuestSpec) -> Geometry:
    """Returns the preset's geometry with the memory block size that this guest has (G-6).

    Raises InvalidValue when boot memory is no whole number of pageblocks, or there is too much of it.
    """
    geometry = preset(spec.preset)
    largest = LARGEST_NR_PAGES * geometry.page_size
    unit = geometry.pageblock_size
    if not (unit <= spec.boot_size <= largest and is_aligned(spec.boot_size, unit)):
        accepted = f"a multiple of {format_size(unit)}, up to {format_size(largest)}"
        raise InvalidValue("boot_size", spec.boot_size, accepted)
    if spec.memory_block_size is not None:
        return geometry.with_memory_block_size(spec.memory_block_size)
    if geometry.name == "x86-64":
        return geometry.with_memory_block_size(x86_memory_block_size(spec.boot_size))
    return geometry


def _share_boot_memory(spec: GuestSpec, geometry: Geometry) -> tuple[int, ...]:
    """Returns the boot memory of each NUMA node.

    Raises InvalidValue when the nodes are too many, not all of it, or end inside a memory block.
    """
    sizes = spec.numa_nodes or (spec.boot_size,)
    if len(sizes) > LARGEST_NR_NUMA_NODES:
        raise InvalidValue("numa_nodes", f"{len(sizes)} nodes", f"at most {LARGEST_NR_NUMA_NODES}")
    unit = geometry.memory_block_size
    for number, size in enumerate(sizes):
        if size < 0 or (number < len(sizes) - 1 and not is_aligned(size, unit)):
            accepted = f"0, or a multiple of the memory block size ({unit})"
            raise InvalidValue(f"numa_nodes[{number}]", size, accepted)
    if sum(sizes) != spec.boot_size:
        raise InvalidValue("numa_nodes", sum(sizes), f"sizes that add up to boot_size ({spec.boot_size})")
    return sizes


def default_block_size(geometry: Geometry) -> int:
    """Returns the device block size when nobody names one (V-Q6)."""
    return max(geometry.pageblock_size, MIB)


def extent_of(geometry: Geometry) -> int:
    """Returns how far the usable region runs ahead of the target on this architecture (V-Q3)."""
    return EXTENT_ARM if geometry.name.startswith("arm64") else EXTENT_X86


def _require_name(field: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidValue(field, name, _NAME_ACCEPTED)


def _place_devices(spec: GuestSpec, geometry: Geometry) -> tuple[DevicePlan, ...]:
    """Puts the devices one after the other, each at the start of a memory block.

    Raises InvalidValue, naming the device's place and field.
    """
    if len(spec.devices) > LARGEST_NR_DEVICES:
        raise InvalidValue("devices", f"{len(spec.devices)} devices", f"at most {LARGEST_NR_DEVICES}")
    plans: list[DevicePlan] = []
    addr = align_up(max(spec.boot_size, DEVICE_MEMORY_START), geometry.memory_block_size)
    for number, device in enumerate(spec.devices):
        place = f"devices[{number}]"
        device_id = device.id if device.id is not None else f"vm{number}"
        _require_name(f"{place}.id", device_id)
        if device_id in {plan.id for plan in plans}:
            raise InvalidValue(f"{place}.id", device_id, "an id that no earlier device has")
        last_node = max(1, len(spec.numa_nodes)) - 1
        if not 0 <= device.node <= last_node:
            raise InvalidValue(f"{place}.node", device.node, f"a NUMA node of the guest, 0 to {last_node}")
        region = _region(geometry, device, addr, place)
        plans.append(DevicePlan(device_id, region, device.requested_size, device.driver, device.features))
        addr = align_up(region.end, geometry.memory_block_size)
    return tuple(plans)


def _region(geometry: Geometry, device: DeviceSpec, addr: int, place: str) -> DeviceRegion:
    block_size = device.block_size
    if block_size is None:
        block_size = max(default_block_size(geometry), device.backing_page_size)
    if is_power_of_two(block_size):
        addr = align_up(addr, block_size)
    region = DeviceRegion(
        addr,
        device.size,
        block_size,
        node_id=device.node,
        extent=extent_of(geometry),
        backing_page_size=device.backing_page_size,
    )
    try:
        region.validate()
        region.validate_requested_size(device.requested_size)
    except InvalidValue as error:
        raise at_place(error, place) from None
    largest = LARGEST_NR_PAGES * geometry.page_size
    if align_up(region.end, geometry.memory_block_size) > largest:
        accepted = f"at most {largest - addr} there: a guest spans up to {LARGEST_NR_PAGES} pages"
        raise InvalidValue(f"{place}.size", device.size, accepted)
    return region


def _require_driver(
    geometry: Geometry,
    kernel_policy: KernelPolicy,
    fallback: Sequence[str] | None,
    *,
    device: DevicePlan,
    place: str,
) -> None:
    """Raises InvalidValue for what a driver could not do; fallback: None for the policy's own levels."""
    levels = choose_levels(geometry, kernel_policy, fallback)
    try:
        device.driver.parameters.validate()
    except InvalidValue as error:
        raise at_place(error, f"{place}.driver") from None
    try:
        plan_fallback(
            geometry,
            kernel_policy,
            fallback=levels,
            block_size=device.region.block_size,
            parameters=device.driver.parameters,
        )
    except InvalidValue as error:
        if error.members["field"] == "block_size":
            raise at_place(error, place) from None
        is_of_policy = error.members["field"] == "fallback" and fallback is None
        raise at_place(error, "policy") if is_of_policy else error from None
