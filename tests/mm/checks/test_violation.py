"""Violations in words: what a person reads of a broken law."""

import numpy as np
import pytest

from app.mm.checks.laws import Sign, Weight
from app.mm.checks.violation import Breach, Violation, at_order, at_page, no_findings, weigh, word_findings
from app.mm.kernels import findings as kernels
from app.mm.kernels import layout
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind
from tests.model.pictures import Style, parse

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
        (kernels.F_FREE_MISPLACED, 4, FREE_OF_3, 0),
        Breach(
            "INV-1",
            "zone Normal, pfn 4",
            "free blocks aligned, of order 0 to 4, in one zone",
            "free of order 3",
        ),
    ),
    (
        (kernels.F_USED_MISPLACED, 4, int(PageKind.OFFLINE) | 3 << 4, 0),
        Breach(
            "INV-2", "zone Normal, pfn 4", "runs aligned, of order 0 to 4, in one zone", "offline of order 3"
        ),
    ),
    (
        (kernels.F_GAP, 5, 0, 0),
        Breach("INV-2", "zone Normal, pfn 5", "a run that holds the page", "none"),
    ),
    (
        (kernels.F_FREE_OWNED, 0, FREE_OF_3, 7),
        Breach("INV-2", "zone Normal, pfn 0", "a free block of nobody's", "owner 7"),
    ),
    (
        (kernels.F_BUDDIES, 0, int(PageKind.FREE), 1),
        Breach(
            "INV-5",
            "zone Normal, pfn 0",
            "buddies below the pageblock order merged",
            "free of order 0 here and at pfn 1",
        ),
    ),
    (
        (kernels.F_MIXED, 0, int(PageKind.FREE) | 4 << 4, 8),
        Breach(
            "INV-6",
            "zone Normal, pfn 0",
            "only types that fall back to each other merged",
            "free of order 4 over MOVABLE and, at pfn 8, MOVABLE",
            Sign.FALLBACK_TYPES,
        ),
    ),
    (
        (kernels.F_LINK, 3, list_number(NORMAL, 4, 1), 9),
        Breach(
            "INV-3",
            "list MOVABLE of zone Normal, order 4",
            "neighbours that name each other",
            "row 3 is followed by row 9, which does not follow it",
        ),
    ),
    (
        (kernels.F_ENTRY, 3, list_number(NORMAL, 2, 0), 0),
        Breach(
            "INV-3",
            "list UNMOVABLE of zone Normal, order 2",
            "a free block of order 2 in zone Normal",
            "pfn 3: no head",
        ),
    ),
    (
        (kernels.F_LIST_TYPE, 0, list_number(NORMAL, 3, 1), int(Migratetype.CMA)),
        Breach(
            "INV-4",
            "zone Normal, pfn 0",
            "a list that may hold the pageblock's type",
            "a pageblock of type CMA on list MOVABLE of zone Normal, order 3",
            Sign.CMA,
        ),
    ),
    (
        (kernels.F_UNLISTED, 8, FREE_OF_3, 0),
        Breach("INV-3", "zone Normal, pfn 8", "free of order 3 on one list", "on none"),
    ),
    (
        (kernels.F_STRAY_HEAD, 5, int(PageKind.ANON), -1),
        Breach("INV-2", "zone Normal, pfn 5", "nothing: no run here", "anon of order 0"),
    ),
    (
        (kernels.F_STRAY_OWNER, 5, 12, 4),
        Breach("INV-7", "zone Normal, pfn 5", "nothing: inside the run at pfn 4", "owner 12"),
    ),
    (
        (kernels.F_ZONE_BYTE, 8, 77, 0),
        Breach("INV-1", "pageblock at pfn 8", "a zone", "byte 77"),
    ),
    (
        (kernels.F_TYPE_BYTE, 8, 77, 0),
        Breach("INV-4", "pageblock at pfn 8", "a migratetype", "byte 77"),
    ),
    (
        (kernels.F_KERNEL_IN_CMA, 8, int(PageKind.RECLAIMABLE), 7),
        Breach(
            "INV-15",
            "zone Normal, pfn 8",
            "no kernel page in CMA pageblocks",
            "reclaimable of order 0 of owner 7",
            Sign.KERNEL_IN_CMA,
        ),
    ),
    (
        (kernels.F_KERNEL_IN_MOVABLE, 8, int(PageKind.UNMOVABLE), 7),
        Breach(
            "INV-15",
            "zone Normal, pfn 8",
            "no kernel page in ZONE_MOVABLE",
            "unmovable of order 0 of owner 7",
        ),
    ),
)


@pytest.mark.parametrize(("finding", "worded"), WORDED, ids=[worded.expected for _, worded in WORDED])
def test_word_findings_of_one_place_says_law_place_and_both_sides(
    finding: tuple[int, int, int, int], worded: Breach
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
    assert len(list(word_findings(node_of_two(), findings))) == kernels.NR_FINDINGS


def test_word_findings_without_any_says_nothing() -> None:
    """A sound node has no words said about it."""
    assert list(word_findings(node_of_two(), no_findings())) == []


def test_word_findings_beyond_the_places_kept_counts_them() -> None:
    """What no place was kept for is counted, under the same law."""
    findings = no_findings()
    findings.nr[kernels.F_GAP] = kernels.MOST_PLACES + 100
    last = list(word_findings(node_of_two(), findings))[-1]
    assert last == Breach("INV-2", "elsewhere", "a run that holds the page", "100 more")


def test_at_page_outside_any_zone_says_so() -> None:
    """A page of no zone, or of a byte that names none, is still named."""
    node = parse("|....|....|    |    |")
    assert at_page(node, 9) == "no zone, pfn 9"
    node.arrays.block_zone[0] = layout.ZONES_PER_NODE + 1
    assert at_page(node, 1) == "no zone, pfn 1"
    assert at_order(NORMAL, 3) == "zone Normal, order 3"


@pytest.mark.parametrize(
    ("order", "types", "sign"),
    [
        (4, (Migratetype.MOVABLE, Migratetype.RECLAIMABLE), Sign.FALLBACK_TYPES),
        (4, (Migratetype.MOVABLE, Migratetype.HIGHATOMIC), Sign.HIGHATOMIC),
        (4, (Migratetype.CMA, Migratetype.HIGHATOMIC), Sign.CMA),
        (4, (Migratetype.CMA, Migratetype.ISOLATE), Sign.ISOLATED_PART),
        (3, (Migratetype.CMA, Migratetype.ISOLATE), Sign.ISOLATED_PAGE),
    ],
)
def test_word_findings_of_types_together_tells_their_sign(
    order: int, types: tuple[Migratetype, Migratetype], sign: Sign
) -> None:
    """What is together decides what may have brought it together, and for isolation also how large the page is."""
    listed, other = types
    findings = no_findings()
    findings.nr[kernels.F_LIST_TYPE] = 1
    findings.places[kernels.F_LIST_TYPE, 0] = (0, list_number(NORMAL, order, listed), other)
    assert [breach.sign for breach in word_findings(node_of_two(), findings)] == [sign]


def test_weigh_of_sign_that_the_policy_explains_is_a_finding() -> None:
    """The same breach is a finding where releases do it, and a failure where they do not."""
    breach = Breach("INV-4", "here", "this", "that", Sign.HIGHATOMIC)
    old, new = parse("|....|....|", Style("linux-5.15")), parse("|....|....|", Style("linux-6.12"))
    assert weigh(old, [breach]) == [Violation("INV-4", "here", "this", "that", Weight.FINDING)]
    assert weigh(new, [breach]) == [Violation("INV-4", "here", "this", "that", Weight.FAILURE)]


def test_weigh_of_sign_that_does_not_belong_to_the_law_is_a_failure() -> None:
    """A cause explains a law only by the signs that the law has."""
    node = parse("|....|....|", Style("linux-5.15"))
    assert weigh(node, [Breach("INV-3", "", "", "", Sign.HIGHATOMIC)])[0].weight is Weight.FAILURE


def test_weigh_in_the_middle_leaves_out_laws_of_rest() -> None:
    """Between two lock sections only the laws marked so are looked at."""
    node = parse("|....|....|", Style("linux-6.12"))
    breaches = [Breach("INV-4", "", "", ""), Breach("INV-13", "", "", "")]
    assert [violation.id for violation in weigh(node, breaches, is_operating=True)] == ["INV-4"]
    assert [violation.id for violation in weigh(node, breaches)] == ["INV-4", "INV-13"]
