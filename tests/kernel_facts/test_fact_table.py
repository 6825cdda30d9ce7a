"""The table's own rules: what makes a row agree, and what it says when it does not."""

from tests.kernel_facts.document import describe, read_ids
from tests.kernel_facts.facts import FactTable, Verdict
from tests.kernel_facts.steps import is_in_order


def table() -> FactTable:
    """Returns an empty table."""
    return FactTable("9.9", "made_up")


def test_exact_fact_agrees_only_when_equal() -> None:
    """One request too many is a disagreement, told with its place."""
    facts = table()
    facts.at(3)
    facts.exact("requests", [1, 2, 3], [1, 2, 3])
    facts.exact("calls", [1, 2, 3], [1, 2, 3, 4])
    facts.exact("pageblocks", frozenset({1, 2}), frozenset({2, 5}))
    assert [row.verdict for row in facts.rows] == [Verdict.AGREES, Verdict.DISAGREES, Verdict.DISAGREES]
    assert "from item 3" in facts.rows[1].difference
    assert facts.rows[2].difference == "only real [1], only simulated [5]"
    assert facts.rows[0].id == "9.9 made_up 3: requests"


def test_fact_within_slack_agrees_up_to_it() -> None:
    """A difference equal to the slack passes, one more does not; no difference is an equality."""
    facts = table()
    for simulated in (10, 13, 14):
        facts.within("pages", (10, simulated), 3, why="other processes")
    assert [row.verdict for row in facts.rows] == [Verdict.AGREES, Verdict.WITHIN, Verdict.DISAGREES]
    assert facts.rows[1].note == "± 3: other processes"


def test_later_fact_counts_in_no_share() -> None:
    """The head line counts what can be compared."""
    facts = table()
    facts.exact("size", 1, 1)
    facts.exact("blocks", 1, 2)
    facts.later("answer", "EINVAL", "no dialect yet")
    text = describe(facts.rows)
    assert text.startswith("# Kernel facts: 1 of 2 agree (50.0 %)\n")
    assert read_ids(text) == [row.id for row in facts.rows]


def test_samples_in_order_are_among_the_sizes() -> None:
    """Sizes may be missed by samples and seen twice; a size that never was, or an order turned round, is found."""
    assert is_in_order([0, 0, 2, 3], [0, 1, 2, 3])
    assert not is_in_order([0, 5], [0, 1, 2])
    assert not is_in_order([2, 1], [0, 1, 2])
