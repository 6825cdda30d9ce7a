"""A capture's pages: counted by pageblock, corrected by what flags do not tell, and made a node's."""

import numpy as np
import pytest
from numpy.typing import NDArray

from app.guest.capture.guess import PageblockCensus
from app.guest.capture.pages import CapturedPages, Corrections
from app.mm.checks.invariants import verify
from app.mm.geometry import PRESETS
from app.mm.node import Node
from app.mm.page import PageKind
from app.mm.policies.policy import policy
from app.mm.zone import ZoneId
from tests.captures import machines as m

X86 = PRESETS["x86-64"]
NONE = np.empty(0, np.int64)
NO_CORRECTIONS = Corrections(NONE, NONE, NONE, NONE)


def pages_of(flags: NDArray[np.uint64]) -> CapturedPages:
    """Returns the pages of a capture that holds these."""
    return CapturedPages(m.machine_of(flags, memory_blocks=()), X86)


def census_of(*parts: m.Part, nr_pages: int = 1024) -> PageblockCensus:
    """Returns the census of free pages with `parts` painted over."""
    return pages_of(m.paint(nr_pages, *parts)).take_census()


def loaded(*parts: m.Part, corrections: Corrections = NO_CORRECTIONS) -> Node:
    """Returns a node of one memory block in Normal, free but for `parts`."""
    node = Node(X86, policy("linux-5.19"), nr_pages=m.BLOCK)
    node.put_in_zone(0, m.BLOCK, ZoneId.NORMAL)
    node.memory_blocks.set_online(0, 1, ZoneId.NORMAL)
    owners = {PageKind.ANON: 1, PageKind.THP: 2}
    pages_of(m.paint(m.BLOCK, *parts)).load(node, corrections, owners)
    return node


def corrected(**pageblocks: list[int]) -> Corrections:
    """Returns corrections of these pageblocks."""
    return NO_CORRECTIONS._replace(**{name: np.array(found, np.int64) for name, found in pageblocks.items()})


def test_census_counts_every_pageblock() -> None:
    """Each column counts its pages, in the pageblock where they lie."""
    census = census_of(
        (0, 10, m.UNMARKED),
        (20, 24, m.UNMARKED),
        (30, 33, m.SLAB),
        (33, 34, m.PGTABLE),
        (40, 47, m.RESERVED),
        (600, 605, m.OFFLINE),
        (700, 702, m.NOPAGE),
        (800, 900, m.ANON),
    )
    assert census.unmarked.tolist() == [14, 0]
    assert census.unmarked_runs.tolist() == [2, 0]
    assert census.kernel.tolist() == [4, 0]
    assert census.reserved.tolist() == [7, 0]
    assert census.offline.tolist() == [0, 5]
    assert census.absent.tolist() == [0, 2]


def test_census_begins_runs_anew_in_each_pageblock() -> None:
    """Unmarked pages that go on in the next pageblock are a run there too."""
    assert census_of((500, 520, m.UNMARKED)).unmarked_runs.tolist() == [1, 1]


def test_census_counts_tails_with_their_heads() -> None:
    """A huge page of shmem is no kernel memory; a kernel's compound is, tails and all."""
    shmem = m.compound(0, 512, m.SHMEM_THP_HEAD, m.SHMEM_THP_TAIL)
    kernel = m.compound(512, 16, m.HEAD, m.TAIL)
    assert census_of(*shmem, *kernel).kernel.tolist() == [0, 16]


def test_batches_are_whole_chunks() -> None:
    """Pages behind the capture are none; what a chunk lacks is made up."""
    batches = list(pages_of(m.paint(700)).batches())
    assert [batch.kinds.shape for batch in batches] == [(2, 512)]
    assert (batches[0].kinds.ravel()[:700] == PageKind.FREE).all()
    assert (batches[0].kinds.ravel()[700:] == PageKind.NONE).all()


def test_batches_follow_each_other_without_a_gap() -> None:
    """A machine of more pages than one batch comes in several, each where the last one ended."""
    nr_pages = (1 << 20) + 2048
    flags = m.paint(nr_pages, ((1 << 20) - 4, (1 << 20) + 4, m.ANON))
    batches = list(pages_of(flags).batches())
    assert [batch.first_pageblock for batch in batches] == [0, 2048]
    kinds = np.concatenate([batch.kinds.ravel() for batch in batches])
    assert np.flatnonzero(kinds == PageKind.ANON).tolist() == list(range((1 << 20) - 4, (1 << 20) + 4))


def test_rows_of_a_batch_are_found_by_pageblock() -> None:
    """Of pageblocks anywhere, those of the batch, counted from its first."""
    batch = next(pages_of(m.paint(2048)).batches())._replace(first_pageblock=10)
    assert batch.local(np.array([9, 10, 13, 14], np.int64)).tolist() == [0, 3]


def test_loaded_pages_are_managed_but_for_those_told_otherwise() -> None:
    """Reserved and unplugged pages are not managed; all that is, is counted."""
    node = loaded((0, 100, m.RESERVED), (512, 1024, m.OFFLINE), corrections=corrected(unplugged=[1]))
    zone = node.zones[ZoneId.NORMAL]
    assert (zone.present, zone.managed) == (m.BLOCK, m.BLOCK - 612)
    assert node.is_all(512, 1024, PageKind.OFFLINE)
    assert verify(node) == []


def test_loaded_holes_in_online_memory_are_reserved() -> None:
    """Where memory is online, a page that is not there is one that nobody may use."""
    node = loaded((100, 110, m.NOPAGE))
    assert node.is_all(100, 110, PageKind.RESERVED)
    assert verify(node) == []


def test_loaded_pages_have_the_owner_of_their_kind() -> None:
    """Anonymous pages are one allocation, huge pages another, each by its head."""
    node = loaded((5, 8, m.ANON), *m.compound(1024, 512, m.THP_HEAD, m.THP_TAIL))
    assert node.owned_pfns(1).tolist() == [5, 6, 7]
    assert node.owned_pfns(2).tolist() == [1024]


def test_offline_pages_outside_the_devices_are_a_balloons() -> None:
    """What no driver of virtio-mem holds can move, and the zone manages it."""
    node = loaded((3, 9, m.OFFLINE))
    assert node.is_all(3, 9, PageKind.MOVABLE_OPS)
    assert node.zones[ZoneId.NORMAL].managed == m.BLOCK
    assert verify(node) == []


def test_unmarked_pages_of_movable_memory_can_move() -> None:
    """The kernel's own pages never lie there: compressed swap and the like moves by its own means."""
    node = Node(X86, policy("linux-5.19"), nr_pages=m.BLOCK)
    node.put_in_zone(0, m.BLOCK, ZoneId.MOVABLE)
    node.memory_blocks.set_online(0, 1, ZoneId.MOVABLE)
    flags = m.paint(m.BLOCK, (3, 9, m.UNMARKED), (512, 515, m.UNMARKED))
    pages_of(flags).load(node, corrected(per_cpu=[1]), {})
    assert node.is_all(3, 9, PageKind.MOVABLE_OPS)
    assert node.is_all(512, 515, PageKind.PCP)
    assert verify(node) == []


def test_per_cpu_pages_are_drained_to_the_buddy() -> None:
    """In chosen pageblocks, unmarked pages wait on per-cpu lists; elsewhere they stay the kernel's."""
    node = loaded(
        (0, 5, m.UNMARKED), (512, 514, m.UNMARKED), (514, 516, m.ANON), corrections=corrected(per_cpu=[1])
    )
    assert node.pcp_pfns.tolist() == [512, 513]
    assert node.is_all(0, 5, PageKind.UNMOVABLE_PAGES)
    assert node.drain_pcp() == 2
    assert verify(node) == []


def test_memmap_is_one_run() -> None:
    """A pageblock that is one memmap is freed as a whole; other unmarked pages are single."""
    node = loaded((512, 1536, m.UNMARKED), corrections=corrected(memmaps=[2]))
    assert node.kind_of(1024) is PageKind.UNMOVABLE_PAGES
    assert node.free_runs(np.array([1024])) == 512
    assert node.free_runs(np.array([512])) == 1
    assert verify(node) == []


def test_unmanaged_pageblocks_are_reserved() -> None:
    """What the buddy was never given is present, and not managed."""
    node = loaded((1024, 3072, m.UNMARKED), corrections=corrected(unmanaged=[2, 3]))
    assert node.is_all(1024, 2048, PageKind.RESERVED)
    assert node.is_all(2048, 3072, PageKind.UNMOVABLE_PAGES)
    assert node.zones[ZoneId.NORMAL].managed == m.BLOCK - 1024
    assert verify(node) == []


@pytest.mark.parametrize("size", [1 << 18, 1 << 20])
def test_gigantic_pages_become_runs_of_the_maximum_order(size: int) -> None:
    """A hugetlb page of 1 GiB, or larger than what is looked at in one piece, keeps its kind throughout."""
    flags = m.paint(2 * size, *m.compound(size, size, m.HUGETLB_HEAD, m.HUGETLB_TAIL))
    node = Node(X86, policy("linux-5.19"), nr_pages=len(flags))
    node.put_in_zone(0, len(flags), ZoneId.NORMAL)
    node.memory_blocks.set_online(0, len(flags) // m.BLOCK, ZoneId.NORMAL)
    pages_of(flags).load(node, NO_CORRECTIONS, {PageKind.HUGETLB: 1})
    assert node.is_all(size, 2 * size, PageKind.HUGETLB)
    assert len(node.owned_pfns(1)) == size >> X86.max_order
    assert verify(node) == []
