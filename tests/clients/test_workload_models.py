"""Answers about workloads as typed values."""

from clients.workload_models import Workload
from tests.clients import recorded_workloads as recorded


def test_nothing_of_an_answer_is_lost() -> None:
    """A script with its progress, and none, come back as they were given."""
    for answer in (recorded.WORKLOAD, recorded.NONE):
        assert Workload.model_validate(answer).model_dump(mode="json") == answer


def test_progress_is_typed() -> None:
    """Each phase has its state and its time."""
    workload = Workload.model_validate(recorded.WORKLOAD)
    assert [phase.state for phase in workload.progress] == ["done", "running", "waiting"]
    assert workload.progress[1].elapsed_us == 61_000_000
