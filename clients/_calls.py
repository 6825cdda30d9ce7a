"""Calls of the REST API v1, each once: a function builds a `Call`, and both clients offer it as a method.

The tables of this and the other modules of calls are all that the clients know of the service's paths; a test holds
them against openapi.json. Nothing here does I/O.
Left out: resizes and time (clients._time_calls), events (clients._event_calls).
"""

from collections.abc import Mapping
from functools import partial

from clients import catalog_models, compare_models, models, scenario_models
from clients._building import at, call, model, nothing, png, query_of
from clients._exchange import Call
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
    "alloc_contig_range": ("POST", "/v1/guests/{guest}/alloc-contig-range"),
    "free_contig_range": ("DELETE", "/v1/guests/{guest}/alloc-contig-range"),
    "allocate": ("POST", "/v1/guests/{guest}/allocations"),
    "free_allocation": ("DELETE", "/v1/guests/{guest}/allocations/{allocation}"),
    "cma_areas": ("GET", "/v1/guests/{guest}/cma-areas"),
    "cma_alloc": ("POST", "/v1/guests/{guest}/cma-areas/{area}/allocations"),
    "cma_release": ("DELETE", "/v1/guests/{guest}/cma-areas/{area}/allocations/{pfn}"),
    "memory_blocks": ("GET", "/v1/guests/{guest}/memory-blocks"),
    "set_memory_block": ("PATCH", "/v1/guests/{guest}/memory-blocks/{memory_block}"),
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

_at = partial(at, ROUTES)


def healthz() -> Call[models.Status]:
    """Asks whether the service lives."""
    return call(_at("healthz"), model(models.Status))


def readyz() -> Call[models.Status]:
    """Asks whether the service is ready: its kernels are loaded. Raises Refused (503) while it is not."""
    return call(_at("readyz"), model(models.Status))


def version() -> Call[models.Version]:
    """Asks which service answers."""
    return call(_at("version"), model(models.Version))


def policies() -> Call[tuple[catalog_models.Policy, ...]]:
    """Lists the kernel policies."""
    return call(_at("policies"), lambda body: model(catalog_models.PolicyList)(body).policies)


def switches() -> Call[tuple[catalog_models.Switch, ...]]:
    """Lists the switches of a kernel policy, with their values and what they decide."""
    return call(_at("switches"), lambda body: model(catalog_models.PolicyList)(body).switches)


def show_policy(policy: str) -> Call[catalog_models.Policy]:
    """Shows all switches of a policy: a name, or a name and what differs, such as "linux-5.19+sb_size=chunk"."""
    return call(_at("show_policy", policy=policy), model(catalog_models.Policy))


def presets() -> Call[tuple[catalog_models.Preset, ...]]:
    """Lists the geometry presets."""
    return call(_at("presets"), lambda body: model(catalog_models.PresetList)(body).presets)


def quantities(
    preset: str, *, policy: str | None = None, block_size: int | None = None
) -> Call[catalog_models.Quantities]:
    """Shows the alignments and units that follow from a preset and a policy, for devices with such blocks."""
    wanted = {"policy": policy, "block_size": block_size}
    query = tuple((name, str(value)) for name, value in wanted.items() if value is not None)
    return call(_at("quantities", preset=preset), model(catalog_models.Quantities), query=query)


def list_guests() -> Call[tuple[models.Guest, ...]]:
    """Lists the guests."""
    return call(_at("list_guests"), lambda body: model(models.GuestList)(body).guests)


def create_guest(spec: GuestSpec) -> Call[models.Guest]:
    """Makes a guest from a geometry preset."""
    return call(_at("create_guest"), model(models.Guest), json=as_json(spec))


def import_guest(capture: Upload, spec: ImportSpec) -> Call[models.ImportedGuest]:
    """Makes a guest from a capture, which is streamed."""
    return call(_at("import_guest"), model(models.ImportedGuest), upload=capture, query=as_query(spec))


def show_guest(guest: str) -> Call[models.Guest]:
    """Shows one guest."""
    return call(_at("show_guest", guest=guest), model(models.Guest))


def delete_guest(guest: str) -> Call[None]:
    """Deletes a guest."""
    return call(_at("delete_guest", guest=guest), nothing)


def show_device(guest: str, device: str) -> Call[models.Device]:
    """Shows a virtio-mem device."""
    return call(_at("show_device", guest=guest, device=device), model(models.Device))


def alloc_contig_range(guest: str, start_pfn: int, end_pfn: int) -> Call[models.RangeOutcome]:
    """Takes exactly the pages of [start_pfn, end_pfn), moving what can be moved out of the way."""
    return call(
        _at("alloc_contig_range", guest=guest),
        model(models.RangeOutcome),
        json={"start_pfn": start_pfn, "end_pfn": end_pfn},
    )


def free_contig_range(guest: str, start_pfn: int, end_pfn: int) -> Call[models.FreedRange]:
    """Gives back what alloc_contig_range took."""
    return call(
        _at("free_contig_range", guest=guest),
        model(models.FreedRange),
        query=query_of(start_pfn=start_pfn, end_pfn=end_pfn),
    )


def allocate(guest: str, spec: AllocationSpec) -> Call[models.Allocation]:
    """Allocates pages on the guest's behalf."""
    return call(_at("allocate", guest=guest), model(models.Allocation), json=as_json(spec))


def free_allocation(
    guest: str, allocation: int, *, fraction: float | None = None, seed: int | None = None
) -> Call[models.FreedAllocation]:
    """Frees an allocation, or a random `fraction` (0 to 1) of it, chosen by `seed`."""
    return call(
        _at("free_allocation", guest=guest, allocation=str(allocation)),
        model(models.FreedAllocation),
        query=query_of(fraction=fraction, seed=seed),
    )


def cma_areas(guest: str) -> Call[tuple[models.CmaArea, ...]]:
    """Shows the guest's CMA areas, and what their clients have."""
    return call(_at("cma_areas", guest=guest), lambda body: model(models.CmaAreaList)(body).cma_areas)


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
    return call(
        _at("cma_alloc", guest=guest, area=area),
        model(models.CmaOutcome),
        json={name: value for name, value in wanted.items() if value is not None},
    )


def cma_release(guest: str, area: str, pfn: int) -> Call[models.CmaReleased]:
    """Releases what cma_alloc took at `pfn`."""
    return call(_at("cma_release", guest=guest, area=area, pfn=str(pfn)), model(models.CmaReleased))


def memory_blocks(guest: str) -> Call[models.MemoryBlocks]:
    """Shows state and zone of each Linux memory block."""
    return call(_at("memory_blocks", guest=guest), model(models.MemoryBlocks))


def set_memory_block(guest: str, memory_block: int, state: str) -> Call[models.ChangedMemoryBlock]:
    """Sets a memory block to `online`, `online_kernel`, `online_movable` or `offline`, as sysfs does.

    Raises Conflict when the kernel refuses: reason and page are in the problem.
    """
    target = _at("set_memory_block", guest=guest, memory_block=str(memory_block))
    return call(target, model(models.ChangedMemoryBlock), json={"state": state})


def pageblocks(guest: str) -> Call[models.Pageblocks]:
    """Shows what each pageblock holds, run-length coded."""
    return call(_at("pageblocks", guest=guest), model(models.Pageblocks))


def proc(guest: str, file: str) -> Call[str]:
    """Reads a file of the guest's /proc, such as `meminfo` or `pressure/memory`, as text."""
    return call(_at("proc", guest=guest, file=file), lambda body: body.decode())


def map_png(guest: str, *, scale: int | None = None, legend: bool | None = None) -> Call[bytes]:
    """Draws the guest's memory, one pixel per pageblock, as a PNG image."""
    return call(_at("map_png", guest=guest), png, query=query_of(scale=scale, legend=legend))


def verify(guest: str) -> Call[models.Verification]:
    """Checks the invariants of the guest's memory management."""
    return call(_at("verify", guest=guest), model(models.Verification))


def compare(spec: CompareSpec) -> Call[compare_models.Comparison]:
    """Compares kernels: one request on copies of a guest, or a scenario, under each policy; nothing is changed."""
    return call(_at("compare"), model(compare_models.Comparison), json=as_json(spec))


def compare_as(spec: CompareSpec, media_type: str) -> Call[bytes]:
    """Compares kernels; the answer is `text/csv`, `image/png` or `text/plain`."""
    return call(_at("compare_as"), bytes, json=as_json(spec), accept=media_type)


def compare_capture(capture: Upload, spec: CompareCaptureSpec) -> Call[compare_models.Comparison]:
    """Compares kernels from a capture, which is streamed, and not kept."""
    query = as_compare_query(spec)
    return call(_at("compare_capture"), model(compare_models.Comparison), upload=capture, query=query)


def compare_capture_as(capture: Upload, spec: CompareCaptureSpec, media_type: str) -> Call[bytes]:
    """Compares kernels from a capture; the answer is `text/csv`, `image/png` or `text/plain`."""
    query = as_compare_query(spec)
    return call(_at("compare_capture_as"), bytes, upload=capture, query=query, accept=media_type)


def list_scenarios() -> Call[tuple[scenario_models.ScenarioSummary, ...]]:
    """Lists the scenarios that come with the service."""
    return call(_at("list_scenarios"), lambda body: model(scenario_models.ScenarioList)(body).scenarios)


def show_scenario(scenario: str) -> Call[scenario_models.Scenario]:
    """Shows what a scenario asks, its cases, and its file."""
    return call(_at("show_scenario", scenario=scenario), model(scenario_models.Scenario))


def run_scenario(scenario: str, spec: ScenarioSpec | None = None) -> Call[scenario_models.ScenarioRun]:
    """Plays a scenario under each policy and compares what is seen with what is expected."""
    json = as_json(spec or ScenarioSpec())
    return call(_at("run_scenario", scenario=scenario), model(scenario_models.ScenarioRun), json=json)


def run_scenario_file(text: str, spec: ScenarioSpec | None = None) -> Call[scenario_models.ScenarioRun]:
    """Plays the scenario that `text` describes, in YAML. Raises Invalid with line and column when it is wrong."""
    content = text.encode()
    return call(
        _at("run_scenario_file"),
        model(scenario_models.ScenarioRun),
        query=as_run_query(spec or ScenarioSpec()),
        upload=Upload([content], len(content)),
    )
