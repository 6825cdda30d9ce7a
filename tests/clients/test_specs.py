"""What a caller asks for, as JSON and as a query."""

import json

from clients.sizes import GIB
from clients.specs import (
    AllocationSpec,
    CompareCaptureSpec,
    CompareSpec,
    DeviceSpec,
    GuestSpec,
    ImportSpec,
    ScenarioSpec,
    as_compare_query,
    as_json,
    as_query,
    as_run_query,
)


def test_guest_spec_sends_only_what_was_said() -> None:
    """What is None is left to the service's defaults, inside devices as well."""
    spec = GuestSpec(boot_size=GIB, devices=(DeviceSpec(size=4 * GIB, requested_size=0),))
    assert as_json(spec) == {
        "boot_size": GIB,
        "preset": "x86-64",
        "devices": [{"size": 4 * GIB, "requested_size": 0}],
    }


def test_guest_spec_passes_a_workload_on_as_it_is() -> None:
    """Steps are the service's own language; a None within them is the caller's."""
    step = {"do": "fill", "fraction": 0.5, "parts": [{"kind": "anon"}], "label": "x"}
    assert as_json(GuestSpec(boot_size=GIB, workload=[step]))["workload"] == [step]


def test_allocation_spec_sends_pfns_as_a_list() -> None:
    """A tuple of pages becomes a JSON array."""
    assert as_json(AllocationSpec(kind="unmovable", at_pfns=(1, 2))) == {
        "kind": "unmovable",
        "at_pfns": [1, 2],
    }


def test_import_spec_becomes_a_query() -> None:
    """Options of an import travel in the query: the body is the capture."""
    spec = ImportSpec(name="host", fallback=("memory_block", "pageblock"), seed=0, pinned_fraction=0.25)
    assert as_query(spec) == (
        ("name", "host"),
        ("fallback", "memory_block,pageblock"),
        ("seed", "0"),
        ("pinned_fraction", "0.25"),
    )
    assert as_query(ImportSpec()) == ()


def test_scenario_spec_becomes_a_body_or_a_query() -> None:
    """Where the body is the scenario's file, each policy is a parameter of its own."""
    spec = ScenarioSpec(policies=("rfc-v1", "linux-5.19+undo_type=caller"), case="race", steps=True)
    policies = ["rfc-v1", "linux-5.19+undo_type=caller"]
    assert as_json(spec) == {"policies": policies, "case": "race", "steps": True}
    assert as_run_query(spec) == (
        *(("policy", policy) for policy in policies),
        ("case", "race"),
        ("steps", "true"),
    )
    assert as_run_query(ScenarioSpec()) == ()


def test_compare_spec_sends_levels_as_lists() -> None:
    """A guest's comparison is a body; 0 is a target like any other."""
    spec = CompareSpec(guest="web", requested_size=0, fallbacks=(("memory_block", "chunk"), ("pageblock",)))
    assert json.loads(json.dumps(as_json(spec))) == {
        "guest": "web",
        "requested_size": 0,
        "fallbacks": [["memory_block", "chunk"], ["pageblock"]],
    }


def test_compare_capture_spec_becomes_a_query() -> None:
    """Policies and levels are repeated: a policy's text may have commas of its own."""
    spec = CompareCaptureSpec(
        unplug=GIB, policies=("linux-6.17", "rfc-v1+a=b,c=d"), fallbacks=(("memory_block", "chunk"),), seed=0
    )
    assert as_compare_query(spec) == (
        ("unplug", "1073741824"),
        ("seed", "0"),
        ("policies", "linux-6.17"),
        ("policies", "rfc-v1+a=b,c=d"),
        ("fallbacks", "memory_block,chunk"),
    )
    assert as_compare_query(CompareCaptureSpec()) == ()
