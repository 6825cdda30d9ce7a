"""Expectations against what was seen."""

import pytest

from app.mm.checks.laws import Weight
from app.mm.checks.violation import Violation
from app.scenario.judging import Difference, compare, find_drawn, find_failures, is_met
from app.scenario.script import Expectation
from app.scenario.sight import Moment, Sight

FINDING = Violation("INV-8", "zone Normal, NR_FREE", "3", "7", Weight.FINDING)
FAILURE = Violation("INV-3", "zone Normal, order 0", "1", "2", Weight.FAILURE)
SIGHT = Sight("|M...|....|", "MC", ("2@4 CMA",), 7, 4, 0, 0, (FINDING,))
MOMENT = Moment(SIGHT, {"A": "OK", "B": "-"}, {"A": 0}, 2, ("1 CMA->MOVABLE",), {"size": 4096})


def test_expectation_that_says_nothing_is_met() -> None:
    """What is not spoken of is not looked at."""
    assert compare(Expectation(), MOMENT, "at the end") == []


def test_expectation_that_says_all_is_met() -> None:
    """Everything that can be said of a moment."""
    expectation = Expectation(
        results={"A": "OK", "B": "-"},
        pfns={"A": 0},
        pages="|M...|....|",
        types="MC",
        lists=("2@4 CMA",),
        nr_free=7,
        nr_free_cma=4,
        nr_free_highatomic=0,
        nr_reserved_highatomic=0,
        nr_migrated=2,
        findings=("INV-8", "INV-14"),
        types_lost=("1 CMA->MOVABLE",),
        values={"size": 4096},
    )
    assert is_met(expectation, MOMENT)


@pytest.mark.parametrize(
    ("expectation", "difference"),
    [
        (Expectation(results={"B": "OK"}), ("result of B", "OK", "-")),
        (Expectation(pfns={"B": 4}), ("pfn of B", "4", "none")),
        (Expectation(pages="|....|....|"), ("pages", "|....|....|", "|M...|....|")),
        (Expectation(nr_free=3), ("nr_free", "3", "7")),
        (Expectation(lists=()), ("lists", "none", "2@4 CMA")),
        (Expectation(findings=()), ("findings", "none", "INV-8, INV-14")),
        (Expectation(types_lost=()), ("types_lost", "none", "1 CMA->MOVABLE")),
        (Expectation(values={"size": 0}), ("size", "0", "4096")),
        (Expectation(values={"sizes": 0}), ("sizes", "0", "no such value")),
    ],
)
def test_difference_says_what_was_expected_and_found(
    expectation: Expectation, difference: tuple[str, str, str]
) -> None:
    """And where."""
    assert compare(expectation, MOMENT, "after turn 1 of 2") == [Difference(*difference, "after turn 1 of 2")]
    assert not is_met(expectation, MOMENT)


def test_counter_that_the_kernel_does_not_have_is_none() -> None:
    """Whoever expects a number of it is told."""
    moment = MOMENT._replace(sight=SIGHT._replace(nr_free_highatomic=None))
    (difference,) = compare(Expectation(nr_free_highatomic=0), moment, "at the end")
    assert (difference.expected, difference.found) == ("0", "none")


def test_expected_findings_are_in_the_order_of_their_laws() -> None:
    """A file may name them in any order."""
    assert is_met(Expectation(findings=("INV-14", "INV-8")), MOMENT)


def test_failure_of_the_simulator_is_found_whatever_is_expected() -> None:
    """A finding is the kernel's, and no difference by itself."""
    sight = SIGHT._replace(violations=(FINDING, FAILURE))
    assert find_failures(sight, "at the end", drawn=()) == [
        Difference("INV-3 zone Normal, order 0", "1", "2", "at the end")
    ]
    assert find_failures(SIGHT, "at the end", drawn=()) == []


@pytest.mark.parametrize(
    ("change", "nr_failures"),
    [({}, 0), ({"found": "3"}, 0), ({"found": "0"}, 1), ({"where": "zone DMA, order 0"}, 1)],
)
def test_failure_that_was_drawn_is_no_failure_while_it_lasts(
    change: dict[str, str], nr_failures: int
) -> None:
    """The same law, at the same place, in the same direction, whatever the numbers."""
    drawn = find_drawn(SIGHT._replace(violations=(FAILURE,)))
    later = SIGHT._replace(violations=(FAILURE._replace(**change),))  # type: ignore[arg-type]  # texts only
    assert len(find_failures(later, "at the end", drawn=drawn)) == nr_failures
