"""Operations and clocks as typed values."""

import pytest

from clients.models import Answer
from clients.time_models import Clock, ClockOverview, Operation
from tests.clients import recorded_time


def test_operation_is_read_with_its_retry_and_outcome() -> None:
    """What is over has an outcome; what waits has a timer."""
    partial = Operation.model_validate(recorded_time.PARTIAL)
    assert partial.outcome is not None
    assert partial.outcome.obstacle_groups[0].kind == "unmovable"
    waiting = Operation.model_validate(recorded_time.WAITING)
    assert waiting.retry is not None
    assert (waiting.is_over, waiting.retry.due_us) == (False, 50_004_000)


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (Operation, recorded_time.PARTIAL),
        (Operation, recorded_time.RUNNING),
        (Clock, recorded_time.CLOCK),
        (ClockOverview, recorded_time.CLOCKS),
    ],
)
def test_nothing_of_an_answer_is_lost(model: type[Answer], answer: dict[str, object]) -> None:
    """What was read is given back equal."""
    known = model.model_validate(answer).model_dump(mode="json")
    assert {name: known[name] for name in answer} == answer
