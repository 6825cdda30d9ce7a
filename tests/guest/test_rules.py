"""The rules of a copy: what is not named is the guest's, and levels follow the policy that is."""

import pytest

from app.errors import InvalidValue
from app.guest.rules import Rules, parse_rules


def test_rules_that_nobody_names() -> None:
    """Nothing differs."""
    assert parse_rules(None, None) == Rules(None, None)


def test_rules_of_a_policy() -> None:
    """Its levels are its own, unless others are named."""
    rules = parse_rules("linux-5.15", None)
    assert rules.policy is not None
    assert (rules.policy.name, rules.fallback) == ("linux-5.15", ("memory_block", "chunk"))
    assert parse_rules("linux-6.17", ["pageblock"]).fallback == ("pageblock",)
    assert parse_rules(None, ["pageblock"]) == Rules(None, ("pageblock",))


@pytest.mark.parametrize(
    ("policy", "fallback", "field"),
    [
        ("linux-1.0", None, "policy"),
        ("linux-6.17+merge=x", None, "policy"),
        (None, ["chunk", "chunk"], "fallback"),
    ],
)
def test_rules_that_cannot_be(policy: str | None, fallback: list[str] | None, field: str) -> None:
    """The error names the field."""
    with pytest.raises(InvalidValue) as caught:
        parse_rules(policy, fallback)
    assert str(caught.value.members["field"]).startswith(field)
