"""Switch values: no value is there that no policy has, but for those that exist to study a bug."""

import inspect
import re
from dataclasses import fields
from enum import StrEnum

import pytest

from app.mm.policies import switches
from app.mm.policies.policy import POLICIES, KernelPolicy

ENUMS = [
    item
    for _, item in inspect.getmembers(switches, inspect.isclass)
    if issubclass(item, StrEnum) and item is not StrEnum
]
# Values of no preset: a bug of an early patch, a reading of one mail, a proposed variant, and what is no choice.
STUDIED_ALONE = {
    switches.RetypeOnMerge.HEAD,
    switches.L1Order.BREADTH,
    switches.Level.SECTION,
    switches.Level.BIG_BLOCK,
}


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: str(enum.__name__))
def test_every_value_has_a_policy(enum: type[StrEnum]) -> None:
    """A value that nothing uses is a misspelling of 12.1, or dead."""
    values = [value for policy in POLICIES.values() for value in (*vars(policy).values(), *policy.fallback)]
    used = {value for value in values if isinstance(value, enum)}
    assert set(enum) - used <= STUDIED_ALONE


def test_values_are_the_words_of_the_table() -> None:
    """Spot words of 12.1, as the API shows them."""
    assert str(switches.MergeRule.ISOLATE_ONLY) == "isolate-only"
    assert str(switches.StealRule.MOVE_THEN_DECIDE) == "move-then-decide"
    assert str(switches.CmaLock.PER_AREA) == "per-area"


def test_every_switch_has_a_meaning() -> None:
    """One sentence for each switch of a policy, which cites its rule."""
    assert list(switches.MEANINGS) == [field.name for field in fields(KernelPolicy) if field.name != "name"]
    for meaning in switches.MEANINGS.values():
        assert re.search(r"\((?:[A-Z]+-\d+\w*|\d+\.\d+)[^()]*\)\.$", meaning), meaning
