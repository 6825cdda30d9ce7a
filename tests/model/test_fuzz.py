"""The fuzz for some seconds: no policy breaks what it must keep (`make fuzz` looks for ten minutes)."""

import pytest

from tests.fuzz.drawing import Plan
from tests.fuzz.targets import CLEAN, TARGETS, Target, find_target, find_unclean


@pytest.mark.parametrize("policy", CLEAN)
def test_random_schedules_under_clean_policies_break_no_strict_law(policy: str) -> None:
    """Whoever comes in between whichever sections, all is right when everybody has ended."""
    assert find_unclean(policy, number=1, most=150) is None


def test_random_schedules_under_a_policy_without_guard_are_caught() -> None:
    """The same search finds what is broken, and says it as a scenario file: it can fail."""
    target = next(target for target in TARGETS if target.name == "rfc-v1-INV-4")
    text = find_target(target, number=1, most=500)
    assert text is not None
    assert "findings: [INV-4" in text


def test_search_for_what_never_breaks_finds_nothing() -> None:
    """Where nothing is wanted, nothing is found."""
    assert find_target(Target(Plan("linux-6.17"), "INV-1"), number=1, most=20) is None
