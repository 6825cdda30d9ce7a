"""Comparisons as requests: defaults, exactly one target, and what the operation is asked."""

import pytest
from pydantic import ValidationError

from app.api.schemas.compare import CompareCaptureOptions, CompareIn
from app.operations.comparing import DEFAULT_POLICIES, CaptureOptions, Question
from app.units import MIB


def test_body_becomes_a_question() -> None:
    """Sizes may be text; levels become tuples."""
    body = CompareIn.model_validate(
        {"guest": "web", "device": "vm0", "unplug": "2MiB", "fallbacks": [["memory_block", "chunk"]]}
    )
    assert body.to_question() == Question(
        device="vm0",
        requested_size=None,
        unplug=2 * MIB,
        policies=DEFAULT_POLICIES,
        fallbacks=(("memory_block", "chunk"),),
    )


def test_query_becomes_options_and_a_question() -> None:
    """`memory` is what an import calls `device`; a list in the query is one text with commas."""
    query = CompareCaptureOptions.model_validate(
        {"memory": "zone:Movable", "requested_size": "0", "fallbacks": ["pageblock", "memory_block,chunk"]}
    )
    assert query.to_options() == CaptureOptions(name="", device="zone:Movable")
    assert query.to_question().fallbacks == (("pageblock",), ("memory_block", "chunk"))
    assert query.to_question().device is None


def test_scenario_asks_nothing_of_a_device() -> None:
    """Only policies and levels are left of the question."""
    question = CompareIn.model_validate({"scenario": "S08", "policies": ["rfc-v1"]}).to_question()
    assert question == Question(device=None, requested_size=None, unplug=None, policies=("rfc-v1",))


@pytest.mark.parametrize("target", [{}, {"requested_size": 0, "unplug": 0}])
def test_one_target_is_needed_not_two(target: dict[str, int]) -> None:
    """Both requests say so in the same words."""
    for model, body in ((CompareIn, {"guest": "web"}), (CompareCaptureOptions, {})):
        with pytest.raises(ValidationError, match="no comparison"):
            model.model_validate(body | target)
