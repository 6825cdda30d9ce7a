"""Expectations from files: which policies, and what they must show."""

import pytest

from app.scenario.reading.expectations import LARGEST_INVARIANT, LARGEST_NR_POLICIES
from app.scenario.reading.scenario import read_scenario
from app.scenario.script import Expectation, PolicyExpectation
from tests.scenario.bad_files import GOOD, assert_refused, replaced

FIRST_LINE = 9


def expected(row: str) -> PolicyExpectation:
    """Reads one row."""
    (case,) = read_scenario(replaced(FIRST_LINE, f"  {row}")).cases
    return case.expect[0]


def test_read_of_policies_knows_ranges_and_switches() -> None:
    """A range has all releases between its ends, and switches behind it are each one's."""
    row = expected("linux-5.10 linux-6.10..linux-6.16+allow_unsafe=yes remedy-full: {}")
    assert row.policies == (
        "linux-5.10",
        "linux-6.10+allow_unsafe=yes",
        "linux-6.12+allow_unsafe=yes",
        "linux-6.16+allow_unsafe=yes",
        "remedy-full",
    )
    assert row.at_end == Expectation()


def test_read_of_everything_keeps_it() -> None:
    """Results and places by actor, sights, counters, lists, values, and the middle."""
    row = expected(
        'linux-5.19: {A: EBUSY@isolate, B: OK at 4, pages: "|....|M...|", types: CM, lists: [2@0 CMA, 0@5 MOVABLE], '
        "nr_free: 7, nr_free_cma: 4, nr_free_highatomic: 0, nr_reserved_highatomic: 0, nr_migrated: 1, "
        "findings: [INV-8], types_lost: [0 CMA->MOVABLE], values: {calls: 4, driver: idle, a.b: -1}, "
        "after: {0: {nr_free: 6}, 2: {A: '-'}}}"
    )
    assert row.at_end == Expectation(
        results={"A": "EBUSY@isolate", "B": "OK"},
        pfns={"B": 4},
        pages="|....|M...|",
        types="CM",
        lists=("2@0 CMA", "0@5 MOVABLE"),
        nr_free=7,
        nr_free_cma=4,
        nr_free_highatomic=0,
        nr_reserved_highatomic=0,
        nr_migrated=1,
        findings=("INV-8",),
        types_lost=("0 CMA->MOVABLE",),
        values={"calls": 4, "driver": "idle", "a.b": -1},
    )
    assert row.after == {0: Expectation(nr_free=6), 2: Expectation(results={"A": "-"})}


def test_read_of_expected_rows_joins_them() -> None:
    """A picture of several rows is compared in one."""
    row = "linux-5.19:\n    pages: |\n      |....|....|\n      |....|M...|"
    text = replaced(FIRST_LINE, f"  {row}").replace('"|....|M...|"', '"|....|....|....|M...|"')
    (case,) = read_scenario(text.replace("types: IM", "types: IMMM")).cases
    assert case.expect[0].at_end.pages == "|....|....|....|M...|"


def test_read_of_every_interleaving_takes_some_ends() -> None:
    """Instead of the middle, ends of which some order brings each."""
    text = GOOD.replace("A:isolate B*2 A:end", "every").replace(", after: {1: {types: IM}}", "")
    text = text.replace("B: OK at 4}", "some: [{B: OK}, {B: ENOMEM}]}")
    (case,) = read_scenario(text).cases
    assert case.expect[0].some == (Expectation(results={"B": "OK"}), Expectation(results={"B": "ENOMEM"}))


@pytest.mark.parametrize(
    ("row", "accepted"),
    [
        ("linux-9.9: {}", "known: no-guard"),
        ("linux-5.19+colour=red: {}", "known: merge_rule"),
        ("linux-5.19+merge_rule=never: {}", "any, isolate-only"),
        ("linux-5.15+cma_align=pageblock: {}", "allow_unsafe"),
        ("linux-6.6..linux-5.19: {}", "the older release first"),
        ("linux-5.19..remedy-full: {}", "one of linux-5.10"),
        ("linux-5.19 linux-5.19: {}", "each policy once"),
        ("linux-5.10..rfc-v1: {}", "one of linux-5.10"),
        ("'  ': {}", "one or more policies"),
        ("linux-5.19: []", "a mapping of at most 64 members with the keys A, B, pages"),
        ("linux-5.19: {C: OK}", "no such key here; known: A, B, pages"),
        ("linux-5.19: {A: FINE}", "one of OK, EBUSY"),
        ("linux-5.19: {A: EBUSY@lunch}", "such as EBUSY@isolate"),
        ("linux-5.19: {A: OK at home}", "OK at 4"),
        ("linux-5.19: {nr_free: many}", "an integer from"),
        ("linux-5.19: {findings: INV-8}", "a list of 0 to"),
        (f"linux-5.19: {{findings: [INV-{LARGEST_INVARIANT + 1}]}}", f"INV-1 to INV-{LARGEST_INVARIANT}"),
        ("linux-5.19: {types_lost: [0 R->M]}", "PAGEBLOCK OLD->NEW"),
        ("linux-5.19: {lists: [0 CMA]}", "ORDER@PFN TYPE"),
        ('linux-5.19: {pages: "|....|....|....|....|"}', "as many pageblocks"),
        ('linux-5.19: {pages: "|..|..|"}', "as many pageblocks"),
        ('linux-5.19: {pages: "|....|x...|"}', ". c M f"),
        ("linux-5.19: {types: MMM}", "a letter of U M R H C I for each of 2"),
        ("linux-5.19: {after: {4: {}}}", "an integer from 0 to 3"),
        ("linux-5.19: {after: {01: {}}}", "the number of a turn"),
        ("linux-5.19: {after: {1: {after: {}}}}", "no such key here"),
        ("linux-5.19: {some: [{}]}", "no such key here"),
        ("linux-5.19: {values: 3}", "a mapping of at most"),
    ],
)
def test_read_of_a_wrong_expectation_names_its_line(row: str, accepted: str) -> None:
    """Unknown policies, keys, results and laws; pictures that do not fit; turns that do not come."""
    assert_refused(replaced(FIRST_LINE, f"  {row}"), FIRST_LINE, accepted)


def test_read_of_a_policy_twice_names_the_second_row() -> None:
    """Two rows of one policy could contradict each other."""
    assert_refused(replaced(FIRST_LINE + 1, "  linux-6.6: {}"), FIRST_LINE + 1, "each policy once")


def test_read_of_too_many_policies_refuses() -> None:
    """The limit is that of the format's text."""
    switches = [f"movable_contig_attempts={number}" for number in (2, 3, 4, 6, 7, 8, 9, 10)]
    names = [f"linux-5.10..linux-6.17+{switch}" for switch in (*switches, "l1_order=breadth")]
    rows = [f"  {name}: {{}}" for name in names]
    error_line = FIRST_LINE + len(switches)
    assert_refused(
        replaced(FIRST_LINE, "\n".join(rows)), error_line, f"at most {LARGEST_NR_POLICIES} policies"
    )
