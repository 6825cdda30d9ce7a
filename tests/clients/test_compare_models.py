"""Comparisons as typed values: rows that ran, that were played, that were refused."""

from clients.compare_models import Comparison
from tests.clients import recorded


def test_comparison_of_a_guest_is_read() -> None:
    """A finding is no failure; a refused row has no outcome."""
    comparison = Comparison.model_validate(recorded.COMPARISON)
    ran, refused = comparison.rows
    assert ran.outcome is not None
    assert ran.outcome.types_lost == {"UNMOVABLE->MOVABLE": 3}
    assert [law.is_failure for law in ran.broken] == [False]
    assert (refused.outcome, refused.fallback) == (None, ("memory_block", "chunk"))
    assert refused.refusal


def test_comparison_of_a_scenario_is_read() -> None:
    """Ends of cases instead of outcomes; a weight that is not told is taken for the worst."""
    comparison = Comparison.model_validate(recorded.PLAYED)
    assert comparison.start.scenario == "S08"
    played = comparison.rows[0].played
    assert played is not None
    assert [end.nr_free for end in played.ends] == [24, 24]
    broken = recorded.PLAYED["rows"][0] | {"broken": [{"id": "INV-3"}]}
    assert Comparison.model_validate(recorded.PLAYED | {"rows": [broken]}).rows[0].broken[0].is_failure
