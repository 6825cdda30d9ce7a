"""Faults as typed values: what a rule says, and nothing of it lost."""

import pytest

from clients.fault_models import Fault, FaultKind
from clients.models import Answer
from tests.clients.recorded_faults import FAULT, KIND, USELESS


def test_fault_is_read_with_its_counters() -> None:
    """What was matched, how often it was asked and struck; members of other kinds are None."""
    fault = Fault.model_validate(FAULT)
    assert (fault.match["request"], fault.seen, fault.hits) == ("plug", 5, 3)
    slow = Fault.model_validate(USELESS)
    assert (slow.probability, dict(slow.match), slow.warnings) == (None, {}, tuple(USELESS["warnings"]))


@pytest.mark.parametrize(("model", "answer"), [(Fault, FAULT), (FaultKind, KIND)])
def test_nothing_of_an_answer_is_lost(model: type[Answer], answer: dict[str, object]) -> None:
    """What was read is given back equal, members that this version does not know included."""
    assert model.model_validate({**answer, "new": 1}).model_dump(mode="json") == {**answer, "new": 1}
