"""The loading kernels against a twin that looks at one page at a time, on nodes of a few pageblocks."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.mm import load
from app.mm.checks.invariants import verify
from app.mm.geometry import preset
from app.mm.kernels import layout
from app.mm.kernels.load import find_kind, load_pages
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind
from app.mm.policies.policy import POLICIES, policy
from app.mm.policies.switches import MergeRule, RetypeOnMerge
from app.mm.zone import ZoneId

TOY = preset("toy")
SIZE = TOY.pageblock_nr_pages
NR_PAGES = TOY.memory_block_nr_pages
CHUNK = TOY.chunk_nr_pages
NO_OWNER = np.zeros(len(PageKind), np.int64)
_TILED = (PageKind.FREE, PageKind.OFFLINE, PageKind.RESERVED)
_UNMANAGED = (PageKind.NONE, PageKind.OFFLINE, PageKind.RESERVED)


def empty_node(
    zones: Sequence[ZoneId | None], types: Sequence[Migratetype] = (), *, under: str = "linux-5.19"
) -> Node:
    """Returns a node of one memory block whose pageblocks are in these zones, their pages still nothing."""
    node = Node(TOY, policy(under), nr_pages=NR_PAGES)
    for block, zone in enumerate(zones):
        if zone is not None:
            node.put_in_zone(block * SIZE, (block + 1) * SIZE, zone)
    last = [zone for zone in zones if zone is not None]
    if last:
        node.memory_blocks.set_online(0, 1, last[-1])
    if types:
        load.set_pageblock_types(node, np.array(types, np.uint8))
    return node


def fill(
    node: Node, kinds: Sequence[int], tails: Sequence[int] = (), owners: NDArray[np.int64] = NO_OWNER
) -> None:
    """Loads the pages of a whole node, and counts what its zones manage."""
    flags = np.array(tails or [0] * len(kinds), np.uint8)
    load_pages(node.arrays, 0, np.array(kinds, np.uint8), flags, owners)
    zones = np.repeat(node.pageblock_zones(), SIZE)
    for zone in ZoneId:
        here = [PageKind(node.kind_of(int(pfn))) for pfn in np.flatnonzero(zones == zone)]
        load.set_managed(node, zone, sum(kind not in _UNMANAGED for kind in here))
    load.find_pcp_pages(node)


def heads(node: Node) -> list[tuple[int, PageKind, int]]:
    """Returns pfn, kind and order of every run of online memory."""
    found = []
    pfn = 0
    while pfn < NR_PAGES:
        head = int(layout.head_at(node.arrays, pfn))
        if head:
            found.append((pfn, PageKind(head & 15), head >> 4))
        pfn += 1 << (head >> 4)
    return found


NORMAL = [ZoneId.NORMAL] * (NR_PAGES // SIZE)
A, F, U = PageKind.ANON, PageKind.FREE, PageKind.UNMOVABLE


def loaded(first: Sequence[int], tails: Sequence[int] = ()) -> list[tuple[int, PageKind, int]]:
    """Returns the runs that begin in the first pages, when the rest is anonymous pages."""
    node = empty_node(NORMAL)
    rest = NR_PAGES - len(first)
    fill(node, [*first, *[A] * rest], [*tails, *[0] * (NR_PAGES - len(tails))])
    assert verify(node) == []
    return [head for head in heads(node) if head[0] < len(first)]


@pytest.mark.interpreted
@pytest.mark.parametrize("kind", _TILED)
def test_extents_become_the_largest_aligned_pieces(kind: PageKind) -> None:
    """Free, offline and reserved pages have no edges of their own: pages 1 to 15 are pieces of 1, 2, 4 and 8."""
    assert loaded([A, *[kind] * 15]) == [(0, A, 0), (1, kind, 0), (2, kind, 1), (4, kind, 2), (8, kind, 3)]


@pytest.mark.interpreted
def test_extents_grow_to_the_maximum_order() -> None:
    """Free pages merge over pageblocks, up to the largest block that there is."""
    assert loaded([F] * CHUNK) == [(0, F, TOY.max_order)]


@pytest.mark.interpreted
def test_compounds_stay_whole() -> None:
    """A head with its tails is one run; the next head begins the next one."""
    assert loaded([U] * 8, [0, 1, 1, 1, 0, 1, 0, 0]) == [(0, U, 2), (4, U, 1), (6, U, 0), (7, U, 0)]


@pytest.mark.interpreted
@pytest.mark.parametrize(
    ("kinds", "tails"),
    [
        ([A, A, U, U, U, U, A, A], [0, 0, 0, 1, 1, 1, 0, 0]),
        ([U, U, U, A, A, A, A, A], [0, 1, 1, 0, 0, 0, 0, 0]),
    ],
    ids=["misaligned", "of three pages"],
)
def test_compounds_that_cannot_be_are_single_pages(kinds: list[int], tails: list[int]) -> None:
    """What a live machine let look like a compound, though none lies there, is taken page by page."""
    assert loaded(kinds, tails) == [(pfn, PageKind(kind), 0) for pfn, kind in enumerate(kinds)]


@pytest.mark.interpreted
def test_compounds_above_the_maximum_order_are_cut_to_it() -> None:
    """A gigantic page is as many runs as it takes."""
    order = TOY.max_order
    node = empty_node(NORMAL)
    fill(node, [PageKind.HUGETLB] * NR_PAGES, [0, *[1] * (NR_PAGES - 1)])
    assert heads(node) == [(pfn, PageKind.HUGETLB, order) for pfn in range(0, NR_PAGES, CHUNK)]
    assert verify(node) == []


@pytest.mark.interpreted
def test_compounds_end_with_their_zone() -> None:
    """Tails that go on where no memory is, or in another zone, are none of this compound's."""
    node = empty_node([ZoneId.NORMAL, None, ZoneId.MOVABLE, ZoneId.MOVABLE, *[None] * 4])
    fill(node, [A] * NR_PAGES, [0, *[1] * (NR_PAGES - 1)])
    assert heads(node) == [(0, A, 3), (16, A, 4)]
    assert verify(node) == []


@pytest.mark.interpreted
def test_tail_of_a_free_page_is_no_compound() -> None:
    """Free pages are free, whatever follows them."""
    assert loaded([F, F, U, U], [0, 1, 1, 1]) == [(0, F, 1), (2, U, 1)]


@pytest.mark.interpreted
def test_owners_are_told_by_kind() -> None:
    """Every run belongs to the owner of its kind; free ones to nobody."""
    node = empty_node(NORMAL)
    owners = NO_OWNER.copy()
    owners[A], owners[F] = 7, 8
    fill(node, [A, F, *[U] * (NR_PAGES - 2)], owners=owners)
    assert [int(layout.owner_at(node.arrays, pfn)) for pfn in range(3)] == [7, 0, 0]
    assert node.owned_pfns(7).tolist() == [0]


@pytest.mark.interpreted
def test_free_pages_are_listed_by_type_lowest_first() -> None:
    """Free blocks stand on the list of their pageblock's type, in the order of their addresses."""
    types = [Migratetype.UNMOVABLE, *[Migratetype.MOVABLE] * (NR_PAGES // SIZE - 1)]
    node = empty_node(NORMAL, types)
    fill(node, [F, A] * (NR_PAGES // 2))
    assert verify(node) == []
    assert node.zones[ZoneId.NORMAL].nr_free == NR_PAGES // 2


@pytest.mark.interpreted
@pytest.mark.parametrize("under", POLICIES)
def test_free_pages_over_types_merge_as_the_policy_says(under: str) -> None:
    """What may not merge is cut at the pageblock; where lists are clean, what merges has one type."""
    types = [Migratetype.UNMOVABLE, Migratetype.MOVABLE, Migratetype.CMA, *[Migratetype.MOVABLE] * 5]
    node = empty_node(NORMAL, types, under=under)
    fill(node, [F] * 4 * SIZE + [A] * (NR_PAGES - 4 * SIZE))
    merges_cma = policy(under).merge_rule is not MergeRule.FALLBACK_TYPES
    orders = [order for _, kind, order in heads(node) if kind is F]
    assert orders == [4, 4] if merges_cma else [4, 3, 3]
    if policy(under).retype_on_merge is RetypeOnMerge.FULL:
        assert node.arrays.block_type[:4].tolist() == [*[Migratetype.MOVABLE] * 2, *types[2:4]]
        assert node.stat[ZoneId.NORMAL, layout.S_NR_FREE_CMA] == SIZE
    else:
        assert node.arrays.block_type[:4].tolist() == types[:4]


@pytest.mark.interpreted
def test_kinds_are_found_in_ascending_order() -> None:
    """As many runs are written as there is room for; all are counted."""
    node = empty_node([ZoneId.NORMAL, None, *[ZoneId.NORMAL] * 6])
    fill(node, [A if pfn % 3 else U for pfn in range(NR_PAGES)])
    pfns = np.zeros(4, np.int64)
    expected = [pfn for pfn in range(0, NR_PAGES, 3) if pfn // SIZE != 1]
    assert int(find_kind(node.arrays, int(U), pfns)) == len(expected)
    assert pfns.tolist() == expected[:4]


def expected_kinds(zones: Sequence[ZoneId | None], kinds: Sequence[int], tails: Sequence[int]) -> list[int]:
    """The twin: what every page becomes, looked at one by one."""
    found: list[int] = []
    for pfn, kind in enumerate(kinds):
        zone = zones[pfn // SIZE]
        continues = bool(pfn) and tails[pfn] and zones[(pfn - 1) // SIZE] == zone
        if zone is None:
            found.append(PageKind.NONE)
        elif continues and found[-1] not in (*_TILED, PageKind.PCP):
            found.append(found[-1])
        else:
            found.append(kind)
    return found


KINDS = st.sampled_from([kind for kind in PageKind if kind is not PageKind.NONE])
ZONES = st.sampled_from([None, ZoneId.DMA32, ZoneId.NORMAL, ZoneId.MOVABLE])
TYPES = st.sampled_from([Migratetype.UNMOVABLE, Migratetype.MOVABLE, Migratetype.RECLAIMABLE])


@st.composite
def pages(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Draws runs of kinds for all pages, some of them compounds."""
    kinds: list[int] = []
    tails: list[int] = []
    while len(kinds) < NR_PAGES:
        count = draw(st.integers(1, 20))
        kinds += [draw(KINDS)] * count
        tails += [int(draw(st.integers(0, 4)) == 0), *[int(draw(st.booleans()))] * (count - 1)]
    return kinds[:NR_PAGES], tails[:NR_PAGES]


@pytest.mark.boundscheck
@given(
    st.sampled_from(list(POLICIES)),
    pages(),
    st.lists(ZONES, min_size=NR_PAGES // SIZE, max_size=NR_PAGES // SIZE),
    st.lists(TYPES, min_size=NR_PAGES // SIZE, max_size=NR_PAGES // SIZE),
)
def test_loaded_pages_agree_with_their_twin(
    under: str, drawn: tuple[list[int], list[int]], zones: list[ZoneId | None], types: list[Migratetype]
) -> None:
    """Any pages in any zones become what they are, under any policy, and the node breaks no law."""
    kinds, tails = drawn
    node = empty_node(zones, types, under=under)
    fill(node, kinds, tails)
    assert [node.kind_of(pfn) for pfn in range(NR_PAGES)] == expected_kinds(zones, kinds, tails)
    broken = [row for row in verify(node) if not row.where.startswith("memory block")]
    # Lists that hold pageblocks of several types are what releases up to 6.9 do (B-7).
    assert [row for row in broken if row.weight == "failure"] == []
