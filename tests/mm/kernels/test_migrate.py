"""Page migration: what is collected, where it goes, what it adds up to."""

import numpy as np
import pytest

from app.mm import hotplug
from app.mm.checks.invariants import verify
from app.mm.geometry import Geometry
from app.mm.isolation import start_isolate_page_range
from app.mm.kernels import migrate
from app.mm.node import Node
from app.mm.outcome import Caller
from app.mm.page import PageKind
from app.mm.policies.policy import policy
from app.mm.zone import ZoneId
from app.scenario.picture import draw
from app.units import KIB
from tests.model.observed import observe_runs
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted


def empty(node: Node, start_pfn: int, end_pfn: int) -> tuple[int, list[int]]:
    """Isolates a range and migrates what lies there; returns the result and what was added up."""
    assert start_isolate_page_range(node, start_pfn, end_pfn, Caller.ORDINARY) == -1
    tally = np.zeros(migrate.NR_TALLY, np.int64)
    result = int(migrate.migrate_range(node.arrays, start_pfn, end_pfn, tally))
    assert verify(node, is_operating=True) == []
    return result, [int(count) for count in tally]


@pytest.mark.parametrize("kind", PageKind)
def test_migratable_kinds_are_those_of_the_table(kind: PageKind) -> None:
    """Section 3: LRU pages, huge pages and pages with movable operations; a pinned page is collected too."""
    expected = kind in {
        PageKind.ANON,
        PageKind.FILE_CLEAN,
        PageKind.FILE_DIRTY,
        PageKind.THP,
        PageKind.HUGETLB,
        PageKind.PINNED,
        PageKind.MOVABLE_OPS,
    }
    assert bool(migrate.is_migratable(int(kind))) is expected


def test_migrate_adds_up_base_pages_huge_pages_and_drops() -> None:
    """T_MIGRATED_BASE, T_MIGRATED_HUGE, T_DROPPED, and how many huge runs."""
    node = parse("|MMFBf---|T---G---|........|........|........|........|")
    result, tally = empty(node, 0, 16)
    assert result == migrate.DONE
    assert tally == [4, 8, 4, 0, 2]
    assert draw(node)[:19] == "|........|........|"


def test_migrate_skips_what_is_not_collected() -> None:
    """C-4: the test after it finds kernel pages; here they are in ZONE_MOVABLE, where isolation trusts them."""
    node = parse("|UKSMOOOO|........|........|........|", Style(zone=ZoneId.MOVABLE))
    result, tally = empty(node, 0, 8)
    assert (result, tally[0]) == (migrate.DONE, 1)
    assert draw(node)[:10] == "|UKS.OOOO|"


def test_migrate_goes_to_pages_that_are_not_isolated() -> None:
    """C-5: isolated pages are on no list that an allocation looks at."""
    node = parse("|M.......|........|M.......|........|")
    result, tally = empty(node, 0, 16)
    assert (result, tally[0]) == (migrate.DONE, 1)
    assert node.owned_pfns(1).tolist() == [17]


def test_migrate_without_place_stops_at_once() -> None:
    """C-5, ENOMEM: the first page that finds no place ends it; clean pages of the batch were dropped before."""
    node = parse("|MMf.....|........|UUUUUUUU|UUUUUUU.|")
    result, tally = empty(node, 0, 16)
    assert result == migrate.NO_MEMORY
    assert tally[:4] == [1, 0, 1, 1]
    assert draw(node) == "|.M......|........|UUUUUUUU|UUUUUUUM|"


def test_migrate_of_huge_page_without_any_place_splits_and_stops() -> None:
    """A huge page is split first, and its first page has no place either."""
    node = parse("|T-------|........|UUUUUUUU|UUUUUUUU|")
    result, tally = empty(node, 0, 16)
    assert (result, tally[3]) == (migrate.NO_MEMORY, 0)
    assert draw(node).startswith("|MMMMMMMM|")
    assert len(node.owned_pfns(1)) == 8


def test_migrate_of_hugetlb_without_place_is_not_split() -> None:
    """Only transparent huge pages are."""
    node = parse("|G-------|........|UUUU....|UUUU....|")
    assert empty(node, 0, 16)[0] == migrate.NO_MEMORY
    assert draw(node).startswith("|G-------|")


def test_migrate_moves_the_rest_of_a_batch_with_a_pin() -> None:
    """C-4, C-6: pinned pages stay, the others of the batch go; the range answers BUSY."""
    node = parse("|PMPM....|........|........|........|")
    result, tally = empty(node, 0, 8)
    assert (result, tally[0], tally[3]) == (migrate.BUSY, 2, 2)
    assert draw(node)[:10] == "|P.P.....|"


def test_migrate_collects_thirty_two_pages_together() -> None:
    """C-4: a compound counts as its pages, so a huge page of 32 is a batch by itself."""
    pages = "T" + "-" * 31 + "P" + "M" * 30 + "M"
    node = parse(f"|{pages}|{'.' * 64}|{'.' * 64}|{'.' * 64}|")
    result, tally = empty(node, 0, 64)
    assert (result, tally[0], tally[1]) == (migrate.BUSY, 31, 32)
    later = parse(f"|P{'M' * 31}{'M' * 32}|{'.' * 64}|{'.' * 64}|{'.' * 64}|")
    assert empty(later, 0, 64)[1][0] == 31


def test_migrate_of_range_inside_a_compound_moves_all_of_it() -> None:
    """K-1: its head lies before the range."""
    node = parse("|....T---|........|........|........|")
    tally = np.zeros(migrate.NR_TALLY, np.int64)
    assert start_isolate_page_range(node, 0, 8, Caller.ORDINARY) == -1
    assert migrate.migrate_range(node.arrays, 6, 8, tally) == migrate.DONE
    assert draw(node).startswith("|........|")


def test_migrate_batch_holds_up_nothing_behind_a_pin() -> None:
    """Memory offlining: one batch as large as the range, and nothing is dropped."""
    pages = "P" + "f" * 63
    node = parse(f"|{pages}|{'.' * 64}|{'.' * 64}|{'.' * 64}|")
    assert start_isolate_page_range(node, 0, 64, Caller.ORDINARY) == -1
    tally = np.zeros(migrate.NR_TALLY, np.int64)
    assert migrate.migrate_batch(node.arrays, 0, 64, migrate.STAYS_NEAR, tally) == migrate.BUSY
    assert (tally[migrate.T_MIGRATED_BASE], tally[migrate.T_DROPPED]) == (63, 0)


@pytest.mark.parametrize(
    ("source", "targets"),
    [
        (ZoneId.MOVABLE, [ZoneId.MOVABLE, ZoneId.NORMAL]),
        (ZoneId.NORMAL, [ZoneId.NORMAL, ZoneId.DMA32]),
    ],
)
def test_migrate_targets_lie_in_zones_that_the_page_may_use(source: ZoneId, targets: list[ZoneId]) -> None:
    """C-5: pages of ZONE_MOVABLE may go down to any zone; pages of kernel zones never go up into it."""
    geometry = Geometry("zones", 4 * KIB, 3, 2, 32 * KIB, 32 * KIB)
    node = Node(geometry, policy("linux-5.19"), nr_pages=32)
    zones = (ZoneId.DMA32, ZoneId.NORMAL, ZoneId.MOVABLE, source)
    for number, zone in enumerate(zones):
        hotplug.boot_memory(node, 8 * number, 8 * number + 8, zone)
        node.set_free(8 * number, 8 * number + 8)
    assert node.alloc_at(24, 3, PageKind.HUGETLB, owner=1)
    reached = []
    for _ in targets:
        (pfn,) = node.owned_pfns(1).tolist()
        assert empty(node, pfn, pfn + 8)[0] == migrate.DONE
        (pfn,) = node.owned_pfns(1).tolist()
        place = node.zone_at(pfn)
        assert place is not None
        reached.append(place.id)
    assert reached == targets
    assert observe_runs(node)[pfn].kind == PageKind.HUGETLB


def three_nodes() -> Node:
    """Eight pages of each of three NUMA nodes, and eight used ones, a huge page, of node 1."""
    geometry = Geometry("zones", 4 * KIB, 3, 2, 32 * KIB, 32 * KIB)
    node = Node(geometry, policy("linux-5.19"), nr_pages=32, nr_numa_nodes=3)
    for number, numa_node in enumerate((0, 1, 2, 1)):
        start = 8 * number
        hotplug.boot_memory(node, start, start + 8, ZoneId.NORMAL, numa_node=numa_node)
        node.set_free(start, start + 8)
    assert node.alloc_at(24, 3, PageKind.HUGETLB, owner=1)
    return node


def test_migrate_targets_are_of_the_same_node_if_it_can() -> None:
    """C-5: node 1's own other page first, then that of node 2, then, behind the last node, that of node 0."""
    node = three_nodes()
    tally = np.zeros(migrate.NR_TALLY, np.int64)
    reached = []
    for taken in (8, 16, 0):
        assert migrate.migrate_range(node.arrays, 24, 32, tally) == migrate.DONE
        reached += node.owned_pfns(1).tolist()
        node.free_runs(node.owned_pfns(1))
        assert node.alloc_at(taken, 3, PageKind.UNMOVABLE, owner=2)
        assert node.alloc_at(24, 3, PageKind.HUGETLB, owner=1)
    assert reached == [8, 16, 0]
    assert migrate.migrate_range(node.arrays, 24, 32, tally) == migrate.NO_MEMORY


def test_migrate_may_have_to_leave_the_node() -> None:
    """Memory offlining: nodes 2 and 0 are asked, the page's own one is not, whatever is free there."""
    node = three_nodes()
    tally = np.zeros(migrate.NR_TALLY, np.int64)
    reached = []
    for taken in (16, 0):
        assert migrate.migrate_batch(node.arrays, 24, 32, migrate.LEAVES_NODE, tally) == migrate.DONE
        reached += node.owned_pfns(1).tolist()
        node.free_runs(node.owned_pfns(1))
        assert node.alloc_at(taken, 3, PageKind.UNMOVABLE, owner=2)
        assert node.alloc_at(24, 3, PageKind.HUGETLB, owner=1)
    assert reached == [16, 0]
    assert migrate.migrate_batch(node.arrays, 24, 32, migrate.LEAVES_NODE, tally) == migrate.NO_MEMORY
    assert node.kind_of(8) is PageKind.FREE
