"""Calls on workloads: what goes out, and how answers are read."""

import pytest

from clients import _workload_calls as calls
from clients.specs import ScriptSpec
from tests.clients import recorded_workloads as recorded
from tests.clients.call_tables import Case, check

PATH = "/v1/guests/web/workload"
PHASES = ({"do": "hold", "seconds": 1},)

CASES = {
    "start_workload": Case(
        calls.start_workload("web", ScriptSpec(phases=PHASES, repeat=True)),
        "PUT",
        PATH,
        (),
        {"phases": list(PHASES), "repeat": True},
        recorded.WORKLOAD,
        "61000000",
    ),
    "show_workload": Case(calls.show_workload("web"), "GET", PATH, (), None, recorded.WORKLOAD, "file_clean"),
    "stop_workload": Case(calls.stop_workload("web"), "DELETE", PATH, (), None, b"", None),
    "metrics": Case(
        calls.metrics("web"),
        "GET",
        "/v1/guests/web/metrics",
        (),
        None,
        recorded.METRICS.encode(),
        "host_load1",
    ),
}


def test_every_call_of_the_table_has_a_case() -> None:
    """A call that is added without a case is found here."""
    assert set(CASES) == set(calls.ROUTES)


@pytest.mark.parametrize("name", CASES)
def test_call_says_where_it_goes_and_reads_its_answer(name: str) -> None:
    """Method, path, query and body are those of the REST API, and the recorded answer is understood."""
    check(CASES[name])
