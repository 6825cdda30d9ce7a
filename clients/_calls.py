"""Every call of the REST API v1, once: each function builds a `Call`, and both clients offer it as a method.

The table is all that the clients know of the service's paths; a test holds it against openapi.json.
Nothing here does I/O.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote

from clients import catalog_models, compare_models, models, scenario_models
from clients._exchange import Call
from clients.errors import Unsayable
from clients.specs import (
    AllocationSpec,
    CompareCaptureSpec,
    CompareSpec,
    GuestSpec,
    ImportSpec,
    ScenarioSpec,
    Upload,
    as_compare_query,
    as_json,
    as_query,
    as_run_query,
)

Query: TypeAlias = tuple[tuple[str, str], ...]
T = TypeVar("T")
M = TypeVar("M", bound=models.Answer)

ROUTES: Mapping[str, tuple[str, str]] = {
    "healthz": ("GET", "/healthz"),
    "readyz": ("GET", "/readyz"),
    "version": ("GET", "/version"),
    "policies": ("GET", "/v1/policies"),
    "switches": ("GET", "/v1/policies"),
    "show_policy": ("GET", "/v1/policies/{policy}"),
    "presets": ("GET", "/v1/presets"),
    "quantities": ("GET", "/v1/presets/{preset}/quantities"),
    "list_guests": ("GET", "/v1/guests"),
    "create_guest": ("POST", "/v1/guests"),
    "import_guest": ("POST", "/v1/guests/import"),
    "show_guest": ("GET", "/v1/guests/{guest}"),
    "delete_guest": ("DELETE", "/v1/guests/{guest}"),
    "show_device": ("GET", "/v1/guests/{guest}/virtio-mem/{device}"),
    "resize": ("PATCH", "/v1/guests/{guest}/virtio-mem/{device}"),
    "plug": ("POST", "/v1/guests/{guest}/virtio-mem/{device}/plug"),
    "unplug": ("POST", "/v1/guests/{guest}/virtio-mem/{device}/unplug"),
    "advance": ("POST", "/v1/guests/{guest}/advance"),
    "alloc_contig_range": ("POST", "/v1/guests/{guest}/alloc-contig-range"),
    "free_contig_range": ("DELETE", "/v1/guests/{guest}/alloc-contig-range"),
    "allocate": ("POST", "/v1/guests/{guest}/allocations"),
    "free_allocation": ("DELETE", "/v1/guests/{guest}/allocations/{allocation}"),
    "cma_areas": ("GET", "/v1/guests/{guest}/cma-areas"),
    "cma_alloc": ("POST", "/v1/guests/{guest}/cma-areas/{area}/allocations"),
    "cma_release": ("DELETE", "/v1/guests/{guest}/cma-areas/{area}/allocations/{pfn}"),
    "memory_blocks": ("GET", "/v1/guests/{guest}/memory-blocks"),
    "pageblocks": ("GET", "/v1/guests/{guest}/pageblocks"),
    "proc": ("GET", "/v1/guests/{guest}/proc/{file}"),
    "map_png": ("GET", "/v1/guests/{guest}/map.png"),
    "verify": ("POST", "/v1/guests/{guest}/verify"),
    "compare": ("POST", "/v1/compare"),
    "compare_as": ("POST", "/v1/compare"),
    "compare_capture": ("POST", "/v1/compare/capture"),
    "compare_capture_as": ("POST", "/v1/compare/capture"),
    "list_scenarios": ("GET", "/v1/scenarios"),
    "show_scenario": ("GET", "/v1/scenarios/{scenario}"),
    "run_scenario": ("POST", "/v1/scenarios/{scenario}/run"),
    "run_scenario_file": ("POST", "/v1/scenarios/run"),
}


def healthz() -> Call[models.Status]:
    """Asks whether the service lives."""
    return _call(_at("healthz"), _model(models.Status))


def readyz() -> Call[models.Status]:
    """Asks whether the service is ready: its kernels are loaded. Raises Refused (503) while it is not."""
    return _call(_at("readyz"), _model(models.Status))


def version() -> Call[models.Version]:
    """Asks which service answers."""
    return _call(_at("version"), _model(models.Version))


def policies() -> Call[tuple[catalog_models.Policy, ...]]:
    """Lists the kernel policies."""
    return _call(_at("policies"), lambda body: _model(catalog_models.PolicyList)(body).policies)


def switches() -> Call[tuple[catalog_models.Switch, ...]]:
    """Lists the switches of a kernel policy, with their values and what they decide."""
    return _call(_at("switches"), lambda body: _model(catalog_models.PolicyList)(body).switches)


def show_policy(policy: str) -> Call[catalog_models.Policy]:
    """Shows all switches of a policy: a name, or a name and what differs, such as "linux-5.19+sb_size=chunk"."""
    return _call(_at("show_policy", policy=policy), _model(catalog_models.Policy))


def presets() -> Call[tuple[catalog_models.Preset, ...]]:
    """Lists the geometry presets."""
    return _call(_at("presets"), lambda body: _model(catalog_models.PresetList)(body).presets)


def quantities(
    preset: str, *, policy: str | None = None, block_size: int | None = None
) -> Call[catalog_models.Quantities]:
    """Shows the alignments and units that follow from a preset and a policy, for devices with such blocks."""
    wanted = {"policy": policy, "block_size": block_size}
    query = tuple((name, str(value)) for name, value in wanted.items() if value is not None)
    return _call(_at("quantities", preset=preset), _model(catalog_models.Quantities), query=query)


def list_guests() -> Call[tuple[models.Guest, ...]]:
    """Lists the guests."""
    return _call(_at("list_guests"), lambda body: _model(models.GuestList)(body).guests)


def create_guest(spec: GuestSpec) -> Call[models.Guest]:
    """Makes a guest from a geometry preset."""
    return _call(_at("create_guest"), _model(models.Guest), json=as_json(spec))


def import_guest(capture: Upload, spec: ImportSpec) -> Call[models.ImportedGuest]:
    """Makes a guest from a capture, which is streamed."""
    return _call(_at("import_guest"), _model(models.ImportedGuest), upload=capture, query=as_query(spec))


def show_guest(guest: str) -> Call[models.Guest]:
    """Shows one guest."""
    return _call(_at("show_guest", guest=guest), _model(models.Guest))


def delete_guest(guest: str) -> Call[None]:
    """Deletes a guest."""
    return _call(_at("delete_guest", guest=guest), _nothing)


def show_device(guest: str, device: str) -> Call[models.Device]:
    """Shows a virtio-mem device."""
    return _call(_at("show_device", guest=guest, device=device), _model(models.Device))


def resize(guest: str, device: str, requested_size: int) -> Call[models.Outcome]:
    """Sets how much of the device the guest should have, in bytes, and runs the guest's driver to its end."""
    return _call(
        _at("resize", guest=guest, device=device),
        _model(models.Outcome),
        json={"requested_size": requested_size},
    )


def plug(guest: str, device: str, size: int) -> Call[models.Outcome]:
    """Gives the guest `size` bytes more than the present target."""
    return _call(_at("plug", guest=guest, device=device), _model(models.Outcome), json={"size": size})


def unplug(guest: str, device: str, size: int) -> Call[models.Outcome]:
    """Takes `size` bytes back, counted from the present target."""
    return _call(_at("unplug", guest=guest, device=device), _model(models.Outcome), json={"size": size})


def advance(guest: str, duration_us: int) -> Call[models.Advance]:
    """Lets the guest's own clock run on: a driver that waits tries again when its time has come."""
    return _call(_at("advance", guest=guest), _model(models.Advance), json={"duration_us": duration_us})


def alloc_contig_range(guest: str, start_pfn: int, end_pfn: int) -> Call[models.RangeOutcome]:
    """Takes exactly the pages of [start_pfn, end_pfn), moving what can be moved out of the way."""
    return _call(
        _at("alloc_contig_range", guest=guest),
        _model(models.RangeOutcome),
        json={"start_pfn": start_pfn, "end_pfn": end_pfn},
    )


def free_contig_range(guest: str, start_pfn: int, end_pfn: int) -> Call[models.FreedRange]:
    """Gives back what alloc_contig_range took."""
    return _call(
        _at("free_contig_range", guest=guest),
        _model(models.FreedRange),
        query=_query(start_pfn=start_pfn, end_pfn=end_pfn),
    )


def allocate(guest: str, spec: AllocationSpec) -> Call[models.Allocation]:
    """Allocates pages on the guest's behalf."""
    return _call(_at("allocate", guest=guest), _model(models.Allocation), json=as_json(spec))


def free_allocation(
    guest: str, allocation: int, *, fraction: float | None = None, seed: int | None = None
) -> Call[models.FreedAllocation]:
    """Frees an allocation, or a random `fraction` (0 to 1) of it, chosen by `seed`."""
    return _call(
        _at("free_allocation", guest=guest, allocation=str(allocation)),
        _model(models.FreedAllocation),
        query=_query(fraction=fraction, seed=seed),
    )


def cma_areas(guest: str) -> Call[tuple[models.CmaArea, ...]]:
    """Shows the guest's CMA areas, and what their clients have."""
    return _call(_at("cma_areas", guest=guest), lambda body: _model(models.CmaAreaList)(body).cma_areas)


def cma_alloc(
    guest: str,
    area: str,
    *,
    nr_pages: int | None = None,
    size: int | None = None,
    align_order: int | None = None,
) -> Call[models.CmaOutcome]:
    """Takes pages of a CMA area, `nr_pages` or `size` bytes, at a multiple of 2^align_order."""
    wanted = {"nr_pages": nr_pages, "size": size, "align_order": align_order}
    return _call(
        _at("cma_alloc", guest=guest, area=area),
        _model(models.CmaOutcome),
        json={name: value for name, value in wanted.items() if value is not None},
    )


def cma_release(guest: str, area: str, pfn: int) -> Call[models.CmaReleased]:
    """Releases what cma_alloc took at `pfn`."""
    return _call(_at("cma_release", guest=guest, area=area, pfn=str(pfn)), _model(models.CmaReleased))


def memory_blocks(guest: str) -> Call[models.MemoryBlocks]:
    """Shows state and zone of each Linux memory block."""
    return _call(_at("memory_blocks", guest=guest), _model(models.MemoryBlocks))


def pageblocks(guest: str) -> Call[models.Pageblocks]:
    """Shows what each pageblock holds, run-length coded."""
    return _call(_at("pageblocks", guest=guest), _model(models.Pageblocks))


def proc(guest: str, file: str) -> Call[str]:
    """Reads `buddyinfo`, `pagetypeinfo`, `zoneinfo` or `meminfo` of the guest, as text."""
    return _call(_at("proc", guest=guest, file=file), lambda body: body.decode())


def map_png(guest: str, *, scale: int | None = None, legend: bool | None = None) -> Call[bytes]:
    """Draws the guest's memory, one pixel per pageblock, as a PNG image."""
    return _call(_at("map_png", guest=guest), _png, query=_query(scale=scale, legend=legend))


def verify(guest: str) -> Call[models.Verification]:
    """Checks the invariants of the guest's memory management."""
    return _call(_at("verify", guest=guest), _model(models.Verification))


def compare(spec: CompareSpec) -> Call[compare_models.Comparison]:
    """Compares kernels: one request on copies of a guest, or a scenario, under each policy; nothing is changed."""
    return _call(_at("compare"), _model(compare_models.Comparison), json=as_json(spec))


def compare_as(spec: CompareSpec, media_type: str) -> Call[bytes]:
    """Compares kernels; the answer is `text/csv`, `image/png` or `text/plain`."""
    return _call(_at("compare_as"), bytes, json=as_json(spec), accept=media_type)


def compare_capture(capture: Upload, spec: CompareCaptureSpec) -> Call[compare_models.Comparison]:
    """Compares kernels from a capture, which is streamed, and not kept."""
    query = as_compare_query(spec)
    return _call(_at("compare_capture"), _model(compare_models.Comparison), upload=capture, query=query)


def compare_capture_as(capture: Upload, spec: CompareCaptureSpec, media_type: str) -> Call[bytes]:
    """Compares kernels from a capture; the answer is `text/csv`, `image/png` or `text/plain`."""
    query = as_compare_query(spec)
    return _call(_at("compare_capture_as"), bytes, upload=capture, query=query, accept=media_type)


def list_scenarios() -> Call[tuple[scenario_models.ScenarioSummary, ...]]:
    """Lists the scenarios that come with the service."""
    return _call(_at("list_scenarios"), lambda body: _model(scenario_models.ScenarioList)(body).scenarios)


def show_scenario(scenario: str) -> Call[scenario_models.Scenario]:
    """Shows what a scenario asks, its cases, and its file."""
    return _call(_at("show_scenario", scenario=scenario), _model(scenario_models.Scenario))


def run_scenario(scenario: str, spec: ScenarioSpec | None = None) -> Call[scenario_models.ScenarioRun]:
    """Plays a scenario under each policy and compares what is seen with what is expected."""
    json = as_json(spec or ScenarioSpec())
    return _call(_at("run_scenario", scenario=scenario), _model(scenario_models.ScenarioRun), json=json)


def run_scenario_file(text: str, spec: ScenarioSpec | None = None) -> Call[scenario_models.ScenarioRun]:
    """Plays the scenario that `text` describes, in YAML. Raises Invalid with line and column when it is wrong."""
    content = text.encode()
    return _call(
        _at("run_scenario_file"),
        _model(scenario_models.ScenarioRun),
        query=as_run_query(spec or ScenarioSpec()),
        upload=Upload([content], len(content)),
    )


class _Target(NamedTuple):
    method: str
    path: str


def _at(name: str, **names: str) -> _Target:
    method, path = ROUTES[name]
    return _Target(method, path.format_map({key: _segment(value) for key, value in names.items()}))


def _call(
    target: _Target,
    read: Callable[[bytes], T],
    *,
    query: Query = (),
    json: object = None,
    upload: Upload | None = None,
    accept: str | None = None,
) -> Call[T]:
    method, path = target
    return Call(method=method, path=path, query=query, json=json, upload=upload, accept=accept, read=read)


def _segment(name: str) -> str:
    """Returns `name` as one path segment; "." and ".." would otherwise climb in the path.

    Raises Unsayable when it is empty: the path would then be another one.
    """
    if not name:
        raise Unsayable("a name cannot be empty")
    return quote(name, safe="") if name.strip(".") else name.replace(".", "%2E")


def _query(**values: float | bool | None) -> Query:
    pairs = ((name, value) for name, value in values.items() if value is not None)
    return tuple(
        (name, str(value).lower() if isinstance(value, bool) else repr(value)) for name, value in pairs
    )


def _model(model: type[M]) -> Callable[[bytes], M]:
    return model.model_validate_json


def _nothing(body: bytes) -> None:  # noqa: ARG001 - a reader, as every other
    return None


def _png(body: bytes) -> bytes:
    if not body.startswith(b"\x89PNG"):
        raise ValueError("no PNG image")
    return body
