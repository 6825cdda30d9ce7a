"""The scenarios of the text, S12 to S30, on pictures: columns 5.15 and 5.19 of semantics section 9.

Left out: scenarios of CMA callers and of later policies; those of the driver (its own tests).
"""

import pytest

from app.mm import contig
from app.mm.contig import alloc_contig_range
from app.mm.hotplug import mark_offline
from app.mm.invariants import verify
from app.mm.isolation import start_isolate_page_range, undo_isolate_page_range
from app.mm.node import Node
from app.mm.outcome import Caller, ContigOutcome, Errno
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.scenario.picture import draw, draw_free_blocks, draw_types
from tests.model.observed import observe, observe_lists
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

BOTH = pytest.mark.parametrize("policy", ["linux-5.15", "linux-5.19"])


def unplug(node: Node, block: int, nr_blocks: int = 1) -> ContigOutcome:
    """Takes pageblocks as the driver does: they become offline."""
    size = node.geometry.pageblock_nr_pages
    start, end = block * size, (block + nr_blocks) * size
    outcome = alloc_contig_range(node, start, end, kind=PageKind.OFFLINE)
    if outcome.result is Errno.OK:
        mark_offline(node, start, end)
    return outcome


def result_of(outcome: ContigOutcome) -> str:
    """Names an outcome as the text does."""
    return str(outcome.result) + (f"@{outcome.step}" if outcome.step else "")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("picture", ["|....|....|", "|M...|....|....|....|"])
def test_s12_unplug_of_both_halves_fails_on_the_second_in_chunks(
    order: tuple[int, int], picture: str
) -> None:
    """S12: in 5.15 the first one's offline page lies in the second one's outer range; in 5.19 both go."""
    old, new = (parse(picture, Style(policy)) for policy in ("linux-5.15", "linux-5.19"))
    assert [result_of(unplug(old, block)) for block in order] == ["0", "EBUSY@isolate"]
    assert [result_of(unplug(new, block)) for block in order] == ["0", "0"]
    assert verify(old) == verify(new) == []


@BOTH
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_s12_unplug_of_both_halves_in_zone_movable_succeeds(policy: str, order: tuple[int, int]) -> None:
    """S12: everything but reserved pages is trusted in ZONE_MOVABLE, an offline neighbour too."""
    node = parse("|....|....|", Style(policy, zone=ZoneId.MOVABLE))
    assert [result_of(unplug(node, block)) for block in order] == ["0", "0"]
    assert draw(node) == "|OOOO|OOOO|"
    assert verify(node) == []


@pytest.mark.parametrize(("picture", "types", "wanted"), [("|U...|....|", "UM", 1), ("|M...|U...|", "MU", 0)])
def test_s13_slab_in_the_other_pageblock_stops_chunks_only(picture: str, types: str, wanted: int) -> None:
    """S13: hence sub-blocks of a chunk in 5.15."""
    old, new = (parse(picture, Style(policy, types=types)) for policy in ("linux-5.15", "linux-5.19"))
    assert result_of(unplug(old, wanted)) == "EBUSY@isolate"
    # In the mirror the movable page needs a place: the free pages beside the slab page.
    assert result_of(unplug(new, wanted)) == "0"
    assert verify(old) == verify(new) == []


@BOTH
def test_s14_slab_in_the_wanted_pageblock_fails_early(policy: str) -> None:
    """S14: EBUSY at once, and nothing was migrated: every page is where it was."""
    picture = "|....|MMU.|"
    node = parse(picture, Style(policy))
    outcome = unplug(node, 1)
    assert result_of(outcome) == "EBUSY@isolate"
    assert outcome.obstacle == (6, PageKind.UNMOVABLE)
    assert (outcome.nr_migrated, outcome.nr_dropped) == (0, 0)
    assert draw(node) == picture
    assert verify(node) == []


@BOTH
def test_s15_tails_of_an_unmovable_compound_fail_early(policy: str) -> None:
    """S15: a tail leads to its head, so the second half of a compound is as unmovable as the first."""
    node = parse("|C---|----|", Style(policy, types="UU"))
    assert result_of(unplug(node, 1)) == "EBUSY@isolate"
    assert draw_types(node) == "UU"


def test_s16_tails_of_kernel_pages_without_head_fail_late() -> None:
    """S16: in 5.19 they pass isolation and fail in the test; the pageblock comes back MOVABLE."""
    old, new = (parse("|K---|----|", Style(policy, types="UU")) for policy in ("linux-5.15", "linux-5.19"))
    assert result_of(unplug(old, 1)) == "EBUSY@isolate"
    assert result_of(unplug(new, 1)) == "EBUSY@test"
    assert (draw_types(old), draw_types(new)) == ("UU", "UM")
    assert draw(new) == "|K---|----|"


@BOTH
@pytest.mark.parametrize(("wanted", "left"), [(0, "|OOOO|....|"), (1, "|....|OOOO|")])
def test_s06_s07_movable_compound_over_the_boundary_is_migrated(policy: str, wanted: int, left: str) -> None:
    """S06, S07, S17: a compound over both pageblocks goes as a whole, whichever half is wanted."""
    node = parse("|G---|----|....|....|", Style(policy))
    outcome = unplug(node, wanted)
    assert result_of(outcome) == "0"
    assert outcome.nr_migrated == 8
    assert draw(node) == f"{left}G---|----|"
    assert verify(node) == []


@BOTH
def test_s18_failed_isolation_turns_reclaimable_into_movable(policy: str) -> None:
    """S18: the first pageblock was isolated, and comes back as the caller's type."""
    node = parse("|....|U...|", Style(policy, types="RM"))
    assert result_of(unplug(node, 0, 2)) == "EBUSY@isolate"
    assert draw_types(node) == "MM"
    assert verify(node) == []


@pytest.mark.parametrize(("policy", "types"), [("linux-5.15", "MM"), ("linux-5.19", "MU")])
def test_s19_successful_unplug_turns_outer_range_into_movable(policy: str, types: str) -> None:
    """S19: in 5.15 the neighbour too, as it lies in the outer range."""
    node = parse("|....|....|", Style(policy, types="UU"))
    assert result_of(unplug(node, 0)) == "0"
    assert draw_types(node) == types
    assert verify(node) == []


@BOTH
def test_s20_unmovable_page_beside_the_wanted_ones_stops_them(policy: str) -> None:
    """S20, I-6: edge pageblocks are checked as a whole."""
    node = parse("|...U|....|", Style(policy))
    assert result_of(alloc_contig_range(node, 0, 2, kind=PageKind.UNMOVABLE)) == "EBUSY@isolate"
    assert draw(node) == "|...U|....|"


@pytest.mark.parametrize(("policy", "result"), [("linux-5.15", "EBUSY@isolate"), ("linux-5.19", "0")])
def test_s21_ordinary_caller_never_gets_cma(policy: str, result: str) -> None:
    """S21: CMA is refused to ordinary callers; in 5.15 also to a wanted pageblock beside it."""
    node = parse("|....|....|", Style(policy, types="MC", chunk_shift=1))
    assert result_of(unplug(node, 0, 2)) == "EBUSY@isolate"
    assert result_of(unplug(node, 0)) == result


@BOTH
@pytest.mark.parametrize(("freed", "migratetype"), [((0, 1), 1), ((1, 0), 2)])
def test_s22_reclaimable_and_movable_merge_harmlessly(
    policy: str, freed: tuple[int, int], migratetype: int
) -> None:
    """S22: one chunk on the list of the half freed last, types kept; the weak form of INV-4 holds."""
    node = parse("|....|....|", Style(policy, types="RM", freed_in_order=freed))
    assert observe_lists(node) == {(2, 3, migratetype): [0]}
    assert draw_types(node) == "RM"
    assert verify(node) == []


def test_s23_cma_and_movable_merge_harms_5_15_only() -> None:
    """S23: an ordinary page lands in the CMA pageblock, and NR_FREE_CMA stays too high; the checker sees it."""
    old, new = (parse("|....|....|", Style(policy, types="CM")) for policy in ("linux-5.15", "linux-5.19"))
    assert old.alloc_page(PageKind.ANON, 0, 1) == 0
    assert new.alloc_page(PageKind.ANON, 0, 1) == 4
    assert old.zones[ZoneId.NORMAL].nr_free_cma == 4
    assert {"INV-4", "INV-8"} <= {broken.id for broken in verify(old)}
    assert verify(new) == []


def test_s25_highatomic_and_movable_merge_harms_5_15_only() -> None:
    """S25: an ordinary request takes the first page of the reserved pageblock."""
    old, new = (parse("|....|....|", Style(policy, types="HM")) for policy in ("linux-5.15", "linux-5.19"))
    assert old.alloc_page(PageKind.ANON, 0, 1) == 0
    assert new.alloc_page(PageKind.ANON, 0, 1) == 4
    assert "INV-4" in {broken.id for broken in verify(old)}
    assert verify(new) == []


@BOTH
@pytest.mark.parametrize("wanted", range(4))
def test_s29_unplug_of_one_of_four_pageblocks_leaves_aligned_blocks(policy: str, wanted: int) -> None:
    """S29, I-8: what is left of the chunk is cut at multiples of its own size."""
    node = parse("|....|....|....|....|", Style(policy, chunk_shift=2))
    assert result_of(unplug(node, wanted)) == "0"
    left = ("    2   3       ", "2       3       ", "3           2   ", "3       2       ")
    assert draw_free_blocks(node) == left[wanted]
    assert verify(node) == []


@BOTH
def test_s30_merge_over_four_pageblocks_keeps_types(policy: str) -> None:
    """S30: up to 6.9 nothing is retyped; the chunk is on the list of the half freed last."""
    node = parse("|....|....|....|....|", Style(policy, chunk_shift=2, types="RRMM"))
    assert observe_lists(node) == {(2, 4, 1): [0]}
    assert draw_types(node) == "RRMM"
    assert verify(node) == []


@BOTH
def test_s36_no_place_to_migrate_to_is_enomem(policy: str) -> None:
    """S36: the pages stay, the range is usable again, and the outcome names the first page without a place."""
    node = parse("|UUUU|UUUU|MMMM|....|", Style(policy))
    before = observe(node)
    outcome = unplug(node, 2, 2)
    assert result_of(outcome) == "ENOMEM@migrate"
    assert outcome.obstacle == (8, PageKind.ANON)
    assert observe(node).runs == before.runs
    assert verify(node) == []


def test_cut_between_pageblocks_not_yet_isolated_heals_in_the_end() -> None:
    """Found by the state machine: in 5.19, H = P+2, a cut beside a pageblock that is isolated later merges again.

    So the free page lies over the end for the time of the operation, on the isolate list as a whole (INV-10);
    the end of the operation puts everything right.
    """
    node = parse("|....|....|....|....|....|....|....|....|", Style("linux-5.19", chunk_shift=2))
    assert start_isolate_page_range(node, 12, 24, Caller.ORDINARY) == -1
    assert {"INV-8", "INV-10"} <= {broken.id for broken in verify(node, is_operating=True)}
    undo_isolate_page_range(node, 12, 24, Caller.ORDINARY)
    assert verify(node) == []
    assert result_of(unplug(node, 3, 3)) == "0"
    assert draw(node) == "|....|....|....|OOOO|OOOO|OOOO|....|....|"
    assert verify(node) == []


def test_contig_align_follows_policy_and_geometry() -> None:
    """G-7: chunks in 5.15, pageblocks from 5.19."""
    old, new = (parse("|....|....|", Style(policy)) for policy in ("linux-5.15", "linux-5.19"))
    assert (contig.contig_align_nr_pages(old), contig.contig_align_nr_pages(new)) == (8, 4)
