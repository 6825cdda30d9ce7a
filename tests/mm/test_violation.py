"""Violations in words: what a person reads of a broken law."""

import numpy as np
import pytest

from app.mm.kernels import check, layout
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind
from app.mm.violation import Violation, at_order, at_page, no_findings, word_findings
from tests.model.pictures import parse

pytestmark = pytest.mark.interpreted

FREE_OF_3 = int(PageKind.FREE) | 3 << 4
NORMAL = 2


def node_of_two() -> Node:
    """Two pageblocks of eight pages, free."""
    return parse("|........|........|")


def list_number(zone: int, order: int, migratetype: int) -> int:
    """Numbers a list as kernels do: four bits each."""
    return zone << 8 | order << 4 | migratetype


# What a kernel notes, and what is read.
WORDED = (
    (
        (check.F_FREE_MISPLACED, 4, FREE_OF_3, 0),
        Violation(
            "INV-1",
            "zone Normal, pfn 4",
            "free blocks aligned, of order 0 to 4, in one zone",
            "free of order 3",
        ),
    ),
    (
        (check.F_USED_MISPLACED, 4, int(PageKind.OFFLINE) | 3 << 4, 0),
        Violation(
            "INV-2", "zone Normal, pfn 4", "runs aligned, of order 0 to 4, in one zone", "offline of order 3"
        ),
    ),
    (
        (check.F_GAP, 5, 0, 0),
        Violation("INV-2", "zone Normal, pfn 5", "a run that holds the page", "none"),
    ),
    (
        (check.F_FREE_OWNED, 0, FREE_OF_3, 7),
        Violation("INV-2", "zone Normal, pfn 0", "a free block of nobody's", "owner 7"),
    ),
    (
        (check.F_BUDDIES, 0, int(PageKind.FREE), 1),
        Violation(
            "INV-5",
            "zone Normal, pfn 0",
            "buddies below the pageblock order merged",
            "free of order 0 here and at pfn 1",
        ),
    ),
    (
        (check.F_MIXED, 0, int(PageKind.FREE) | 4 << 4, 8),
        Violation(
            "INV-6",
            "zone Normal, pfn 0",
            "only types that fall back to each other merged",
            "free of order 4 over MOVABLE and, at pfn 8, MOVABLE",
        ),
    ),
    (
        (check.F_LINK, 3, list_number(NORMAL, 4, 1), 9),
        Violation(
            "INV-3",
            "list MOVABLE of zone Normal, order 4",
            "neighbours that name each other",
            "row 3 is followed by row 9, which does not follow it",
        ),
    ),
    (
        (check.F_ENTRY, 3, list_number(NORMAL, 2, 0), 0),
        Violation(
            "INV-3",
            "list UNMOVABLE of zone Normal, order 2",
            "a free block of order 2 in zone Normal",
            "pfn 3: no head",
        ),
    ),
    (
        (check.F_LIST_TYPE, 0, list_number(NORMAL, 3, 1), int(Migratetype.CMA)),
        Violation(
            "INV-4",
            "zone Normal, pfn 0",
            "a list that may hold the pageblock's type",
            "a pageblock of type CMA on list MOVABLE of zone Normal, order 3",
        ),
    ),
    (
        (check.F_UNLISTED, 8, FREE_OF_3, 0),
        Violation("INV-3", "zone Normal, pfn 8", "free of order 3 on one list", "on none"),
    ),
    (
        (check.F_STRAY_HEAD, 5, int(PageKind.ANON), -1),
        Violation("INV-2", "zone Normal, pfn 5", "nothing: no run here", "anon of order 0"),
    ),
    (
        (check.F_STRAY_OWNER, 5, 12, 4),
        Violation("INV-7", "zone Normal, pfn 5", "nothing: inside the run at pfn 4", "owner 12"),
    ),
)


@pytest.mark.parametrize(("finding", "worded"), WORDED, ids=[worded.expected for _, worded in WORDED])
def test_word_findings_of_one_place_says_law_place_and_both_sides(
    finding: tuple[int, int, int, int], worded: Violation
) -> None:
    """Each finding names its law, where it is, what should be there and what is."""
    findings = no_findings()
    what, *place = finding
    findings.nr[what] = 1
    findings.places[what, 0] = place
    assert list(word_findings(node_of_two(), findings)) == [worded]


def test_word_findings_of_every_kind_has_words() -> None:
    """No kind of finding is without words."""
    findings = no_findings()
    findings.nr[:] = 1
    findings.places[:, 0] = np.array([0, list_number(NORMAL, 3, 1), 0])
    assert len(list(word_findings(node_of_two(), findings))) == check.NR_FINDINGS


def test_word_findings_without_any_says_nothing() -> None:
    """A sound node has no words said about it."""
    assert list(word_findings(node_of_two(), no_findings())) == []


def test_word_findings_beyond_the_places_kept_counts_them() -> None:
    """What no place was kept for is counted, under the same law."""
    findings = no_findings()
    findings.nr[check.F_GAP] = check.MOST_PLACES + 100
    last = list(word_findings(node_of_two(), findings))[-1]
    assert last == Violation("INV-2", "elsewhere", "a run that holds the page", "100 more")


def test_at_page_outside_any_zone_says_so() -> None:
    """A page of no zone, or of a byte that names none, is still named."""
    node = parse("|....|....|    |    |")
    assert at_page(node, 9) == "no zone, pfn 9"
    node.arrays.block_zone[0] = layout.NR_ZONES + 1
    assert at_page(node, 1) == "no zone, pfn 1"
    assert at_order(NORMAL, 3) == "zone Normal, order 3"
