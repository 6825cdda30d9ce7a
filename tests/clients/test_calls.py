"""The table of calls: what goes out for each, how its answer is read, and that the service has its path."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from clients import _calls
from clients._exchange import Call, Reply
from clients.errors import Unintelligible, Unsayable
from clients.models import Guest
from clients.sizes import GIB, MIB
from clients.specs import (
    AllocationSpec,
    CompareCaptureSpec,
    CompareSpec,
    GuestSpec,
    ImportSpec,
    ScenarioSpec,
    Upload,
)
from tests.clients import recorded, recorded_scenarios
from tests.clients.call_tables import MODULES, Case, builders, check

# What a type of problem means is for people who read its address in a problem.
FOR_READERS = {("GET", "/problems"), ("GET", "/problems/{slug}")}
OPENAPI = Path(__file__).parents[2] / "openapi.json"

# Each call of the table once: method, path, query, JSON body, an answer, and a piece of what is read from it.
CASES: dict[str, tuple[Call[Any], str, str, tuple[tuple[str, str], ...], object, object, object]] = {
    "healthz": (_calls.healthz(), "GET", "/healthz", (), None, {"status": "ok"}, "ok"),
    "readyz": (_calls.readyz(), "GET", "/readyz", (), None, {"status": "ready"}, "ready"),
    "version": (
        _calls.version(),
        "GET",
        "/version",
        (),
        None,
        {"name": "vmemsim", "version": "0.1.0"},
        "0.1.0",
    ),
    "policies": (_calls.policies(), "GET", "/v1/policies", (), None, recorded.POLICIES, "linux-5.15"),
    "switches": (_calls.switches(), "GET", "/v1/policies", (), None, recorded.POLICIES, "B-5"),
    "show_policy": (
        _calls.show_policy("linux-5.15+cma_lock=none"),
        "GET",
        "/v1/policies/linux-5.15%2Bcma_lock%3Dnone",
        (),
        None,
        recorded.POLICIES["policies"][0],
        "merge_rule",
    ),
    "quantities": (
        _calls.quantities("x86-64", policy="linux-5.15", block_size=256 * MIB),
        "GET",
        "/v1/presets/x86-64/quantities",
        (("policy", "linux-5.15"), ("block_size", "268435456")),
        None,
        recorded.QUANTITIES,
        "big-block",
    ),
    "presets": (_calls.presets(), "GET", "/v1/presets", (), None, recorded.PRESETS, "x86-64"),
    "list_guests": (_calls.list_guests(), "GET", "/v1/guests", (), None, {"guests": [recorded.GUEST]}, "web"),
    "create_guest": (
        _calls.create_guest(GuestSpec(boot_size=GIB)),
        "POST",
        "/v1/guests",
        (),
        {"boot_size": GIB, "preset": "x86-64", "devices": []},
        recorded.GUEST,
        "web",
    ),
    "import_guest": (
        _calls.import_guest(Upload([b"x"]), ImportSpec(name="host")),
        "POST",
        "/v1/guests/import",
        (("name", "host"),),
        None,
        recorded.IMPORTED,
        "buddyinfo",
    ),
    "show_guest": (_calls.show_guest("web"), "GET", "/v1/guests/web", (), None, recorded.GUEST, "web"),
    "delete_guest": (_calls.delete_guest("web"), "DELETE", "/v1/guests/web", (), None, b"", None),
    "show_device": (
        _calls.show_device("web", "vm0"),
        "GET",
        "/v1/guests/web/virtio-mem/vm0",
        (),
        None,
        recorded.DEVICE,
        "vm0",
    ),
    "alloc_contig_range": (
        _calls.alloc_contig_range("web", 512, 1024),
        "POST",
        "/v1/guests/web/alloc-contig-range",
        (),
        {"start_pfn": 512, "end_pfn": 1024},
        {
            "result": "EBUSY",
            "step": "isolate",
            "obstacle": {"pfn": 600, "kind": "pinned"},
            "migrated_pages": 0,
        },
        "pinned",
    ),
    "free_contig_range": (
        _calls.free_contig_range("web", 512, 1024),
        "DELETE",
        "/v1/guests/web/alloc-contig-range",
        (("start_pfn", "512"), ("end_pfn", "1024")),
        None,
        {"start_pfn": 512, "end_pfn": 1024, "freed_pages": 512},
        "512",
    ),
    "allocate": (
        _calls.allocate("web", AllocationSpec(kind="anon", nr_pages=3)),
        "POST",
        "/v1/guests/web/allocations",
        (),
        {"kind": "anon", "nr_pages": 3},
        {"id": 4, "kind": "anon", "order": 0, "nr_pages": 3, "label": ""},
        "anon",
    ),
    "free_allocation": (
        _calls.free_allocation("web", 4, fraction=0.5, seed=0),
        "DELETE",
        "/v1/guests/web/allocations/4",
        (("fraction", "0.5"), ("seed", "0")),
        None,
        {"id": 4, "freed_pages": 2, "remaining_pages": 1},
        "remaining_pages",
    ),
    "cma_areas": (
        _calls.cma_areas("web"),
        "GET",
        "/v1/guests/web/cma-areas",
        (),
        None,
        {"cma_areas": [recorded.CMA_AREA]},
        "dma",
    ),
    "cma_alloc": (
        _calls.cma_alloc("web", "dma", nr_pages=512, align_order=9),
        "POST",
        "/v1/guests/web/cma-areas/dma/allocations",
        (),
        {"nr_pages": 512, "align_order": 9},
        recorded.CMA_OUTCOME,
        "131072",
    ),
    "cma_release": (
        _calls.cma_release("web", "dma", 131072),
        "DELETE",
        "/v1/guests/web/cma-areas/dma/allocations/131072",
        (),
        None,
        {"pfn": 131072, "freed_pages": 512},
        "512",
    ),
    "memory_blocks": (
        _calls.memory_blocks("web"),
        "GET",
        "/v1/guests/web/memory-blocks",
        (),
        None,
        recorded.MEMORY_BLOCKS,
        "offline",
    ),
    "set_memory_block": (
        _calls.set_memory_block("web", 32, "offline"),
        "PATCH",
        "/v1/guests/web/memory-blocks/32",
        (),
        {"state": "offline"},
        recorded.CHANGED_MEMORY_BLOCK,
        "417",
    ),
    "pageblocks": (
        _calls.pageblocks("web"),
        "GET",
        "/v1/guests/web/pageblocks",
        (),
        None,
        recorded.PAGEBLOCKS,
        "anon",
    ),
    "proc": (
        _calls.proc("web", "buddyinfo"),
        "GET",
        "/v1/guests/web/proc/buddyinfo",
        (),
        None,
        b"Node 0, zone   Normal  1 2\n",
        "zone   Normal",
    ),
    "map_png": (
        _calls.map_png("web", scale=2, legend=True),
        "GET",
        "/v1/guests/web/map.png",
        (("scale", "2"), ("legend", "true")),
        None,
        recorded.PNG,
        "PNG",
    ),
    "verify": (
        _calls.verify("web"),
        "POST",
        "/v1/guests/web/verify",
        (),
        None,
        {"violations": [recorded.VIOLATION]},
        "INV-4",
    ),
    "list_scenarios": (
        _calls.list_scenarios(),
        "GET",
        "/v1/scenarios",
        (),
        None,
        {"scenarios": [recorded_scenarios.LISTED]},
        "S08",
    ),
    "show_scenario": (
        _calls.show_scenario("S08"),
        "GET",
        "/v1/scenarios/S08",
        (),
        None,
        recorded_scenarios.SCENARIO,
        "Why?",
    ),
    "run_scenario": (
        _calls.run_scenario("S08", ScenarioSpec(policies=("rfc-v1",), case="race")),
        "POST",
        "/v1/scenarios/S08/run",
        (),
        {"policies": ["rfc-v1"], "case": "race"},
        recorded_scenarios.RUN,
        "INV-8",
    ),
    "run_scenario_file": (
        _calls.run_scenario_file("id: mine", ScenarioSpec(policies=("rfc-v1", "no-guard"))),
        "POST",
        "/v1/scenarios/run",
        (("policy", "rfc-v1"), ("policy", "no-guard")),
        None,
        recorded_scenarios.RUN_THAT_DIFFERS,
        "nr_free",
    ),
    "compare": (
        _calls.compare(
            CompareSpec(guest="web", requested_size=0, policies=["rfc-v1"], fallbacks=[["chunk"]])
        ),
        "POST",
        "/v1/compare",
        (),
        {"guest": "web", "requested_size": 0, "policies": ["rfc-v1"], "fallbacks": [["chunk"]]},
        recorded.COMPARISON,
        "rfc-v1",
    ),
    "compare_as": (
        _calls.compare_as(CompareSpec(scenario="S08"), "text/csv"),
        "POST",
        "/v1/compare",
        (),
        {"scenario": "S08"},
        b"case,policy\n",
        "policy",
    ),
    "compare_capture": (
        _calls.compare_capture(
            Upload([b"x"]),
            CompareCaptureSpec(unplug=MIB, policies=["a", "b"], fallbacks=[["memory_block", "chunk"]]),
        ),
        "POST",
        "/v1/compare/capture",
        (("unplug", "1048576"), ("policies", "a"), ("policies", "b"), ("fallbacks", "memory_block,chunk")),
        None,
        recorded.COMPARISON,
        "rfc-v1",
    ),
    "compare_capture_as": (
        _calls.compare_capture_as(Upload([b"x"]), CompareCaptureSpec(memory="zone:Movable"), "image/png"),
        "POST",
        "/v1/compare/capture",
        (("memory", "zone:Movable"),),
        None,
        recorded.PNG,
        "PNG",
    ),
}


def test_every_call_of_the_table_has_a_case() -> None:
    """A call that is added without a case is found here."""
    assert set(CASES) == set(_calls.ROUTES)


@pytest.mark.parametrize("name", _calls.ROUTES)
def test_call_says_where_it_goes_and_reads_its_answer(name: str) -> None:
    """Method, path, query and body are those of the REST API, and the recorded answer is understood."""
    check(Case(*CASES[name]))


@pytest.mark.parametrize("module", MODULES)
def test_each_call_is_a_function_with_a_sentence(module: ModuleType) -> None:
    """The tables and the functions are the same calls, and help() tells what each does."""
    functions = builders(module)
    assert set(functions) == set(module.ROUTES)
    assert all(function.__doc__ for function in functions.values())


def test_no_call_is_in_two_tables() -> None:
    """Both clients offer all of them as methods."""
    names = [name for module in MODULES for name in module.ROUTES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a/b", "/v1/guests/a%2Fb"),
        ("..", "/v1/guests/%2E%2E"),
        (".", "/v1/guests/%2E"),
        ("a?b#c", "/v1/guests/a%3Fb%23c"),
        ("ä", "/v1/guests/%C3%A4"),
        ("a.b-1", "/v1/guests/a.b-1"),
    ],
)
def test_a_name_stays_one_segment_of_the_path(name: str, path: str) -> None:
    """No name can make a call go to another path: deleting ".." must not delete something else."""
    assert _calls.delete_guest(name).path == path


def test_an_empty_name_is_never_sent() -> None:
    """DELETE /v1/guests/ would be another call."""
    with pytest.raises(Unsayable):
        _calls.delete_guest("")


def test_an_image_that_is_none_is_unintelligible() -> None:
    """A page of HTML is not saved as a PNG file."""
    with pytest.raises(Unintelligible):
        _calls.map_png("web").answer(Reply(200, b"<html>"))


def test_an_answer_of_a_newer_service_is_understood() -> None:
    """A member that this version does not know changes nothing."""
    answer = json.dumps({**recorded.GUEST, "memory": {**recorded.GUEST["memory"], "swap": 1}}).encode()
    guest = _calls.show_guest("web").answer(Reply(200, answer))
    assert isinstance(guest, Guest)
    assert guest.memory.total == recorded.GUEST["memory"]["total"]


def test_the_tables_are_what_the_service_offers() -> None:
    """openapi.json, which the service generates, is all that both sides share."""
    paths = json.loads(OPENAPI.read_bytes())["paths"]
    offered = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    known = {route for module in MODULES for route in module.ROUTES.values()}
    assert offered - known == FOR_READERS
    assert known <= offered
