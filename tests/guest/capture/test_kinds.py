"""Kinds by flags: each word that real kernels were seen to give, and compounds that tell most at their head."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.guest.capture import page_flags as kpf
from app.guest.capture.kinds import UNMARKED, FlagTable, kind_of_flags
from app.guest.capture.page_flags import mask
from app.mm.page import PageKind
from tests.captures import machines as m

BIT = {name.removeprefix("KPF_"): bit for name, bit in vars(kpf).items() if name.startswith("KPF_")}
MEANINGS = [
    ("NOPAGE", PageKind.NONE),
    ("BUDDY", PageKind.FREE),
    ("UPTODATE BUDDY", PageKind.FREE),
    ("", UNMARKED),
    ("RESERVED", PageKind.RESERVED),
    ("RESERVED PRIVATE", PageKind.RESERVED),
    ("ZERO_PAGE RESERVED", PageKind.RESERVED),
    ("REFERENCED MMAP RESERVED", PageKind.RESERVED),
    ("OFFLINE", PageKind.OFFLINE),
    ("DIRTY OFFLINE", PageKind.OFFLINE),
    ("HWPOISON UPTODATE LRU ANON MMAP", PageKind.HWPOISON),
    ("SLAB", PageKind.UNMOVABLE),
    ("SLAB COMPOUND_HEAD", PageKind.UNMOVABLE),
    ("SLAB COMPOUND_TAIL", PageKind.UNMOVABLE),
    # 6.18: a slab page's counters lie where others have a mapping.
    ("SLAB ANON KSM", PageKind.UNMOVABLE),
    ("PGTABLE", PageKind.UNMOVABLE),
    ("REFERENCED PGTABLE", PageKind.UNMOVABLE),
    ("COMPOUND_HEAD", PageKind.UNMOVABLE),
    ("COMPOUND_TAIL", PageKind.UNMOVABLE),
    # A driver's buffer in a process' address space.
    ("MMAP", PageKind.UNMOVABLE),
    ("ZERO_PAGE THP COMPOUND_HEAD", PageKind.UNMOVABLE),
    ("UPTODATE LRU MMAP ANON SWAPBACKED", PageKind.ANON),
    ("UPTODATE LRU MMAP ANON SWAPBACKED UNEVICTABLE MLOCKED", PageKind.ANON),
    ("UPTODATE LRU MMAP ANON SWAPBACKED KSM", PageKind.ANON),
    # Still on its way to the LRU.
    ("UPTODATE MMAP ANON SWAPBACKED", PageKind.ANON),
    ("UPTODATE ANON SWAPBACKED", PageKind.ANON),
    ("UPTODATE LRU ANON SWAPBACKED SWAPCACHE", PageKind.ANON),
    ("UPTODATE LRU ANON SWAPBACKED", PageKind.PINNED),
    ("REFERENCED UPTODATE LRU ACTIVE ANON SWAPBACKED OWNER_2", PageKind.PINNED),
    ("UPTODATE LRU ANON SWAPBACKED THP COMPOUND_HEAD", PageKind.PINNED),
    ("UPTODATE LRU MMAP ANON SWAPBACKED THP COMPOUND_HEAD", PageKind.THP),
    ("HUGE COMPOUND_HEAD", PageKind.HUGETLB),
    ("UPTODATE MMAP HUGE COMPOUND_HEAD ANON", PageKind.HUGETLB),
    ("HUGE COMPOUND_TAIL", PageKind.HUGETLB),
    ("UPTODATE LRU", PageKind.FILE_CLEAN),
    ("REFERENCED UPTODATE LRU ACTIVE MMAP OWNER_2", PageKind.FILE_CLEAN),
    ("UPTODATE LRU COMPOUND_HEAD THP", PageKind.FILE_CLEAN),
    ("UPTODATE REFERENCED", PageKind.FILE_CLEAN),
    ("UPTODATE DIRTY LRU", PageKind.FILE_DIRTY),
    ("UPTODATE WRITEBACK LRU", PageKind.FILE_DIRTY),
    ("UPTODATE LRU PRIVATE", PageKind.FILE_DIRTY),
    ("LRU UNEVICTABLE", PageKind.FILE_DIRTY),
    ("REFERENCED UPTODATE DIRTY LRU SWAPBACKED", PageKind.FILE_DIRTY),
    ("UPTODATE DIRTY LRU SWAPBACKED COMPOUND_HEAD THP", PageKind.FILE_DIRTY),
]


@pytest.mark.parametrize(("names", "kind"), MEANINGS, ids=[names or "none" for names, _ in MEANINGS])
def test_kind_of_flags_follows_what_kernels_show(names: str, kind: PageKind) -> None:
    """A word of flags, as real kernels were seen to give it, means this kind."""
    assert kind_of_flags(mask(*(BIT[name] for name in names.split()))) is kind


@given(st.integers(0, (1 << 43) - 1))
def test_any_flags_have_a_kind(flags: int) -> None:
    """No word is refused, and what says that there is no page wins over all else."""
    assert kind_of_flags(flags) in PageKind
    assert kind_of_flags(flags | m.NOPAGE) is PageKind.NONE


FOR_ITSELF = (PageKind.NONE, PageKind.FREE, PageKind.RESERVED, PageKind.OFFLINE, PageKind.HWPOISON)


def classify_naively(flags: list[int]) -> tuple[list[int], list[int]]:
    """The twin of FlagTable.classify(), page by page."""
    kinds, tails = [], []
    first = 0
    for index, word in enumerate(flags):
        if not word & m.TAIL:
            first = index
        has_head = flags[first] & (m.HEAD | m.TAIL) == m.HEAD
        is_used = kind_of_flags(word) not in FOR_ITSELF and kind_of_flags(flags[first]) not in FOR_ITSELF
        continues = bool(word & m.TAIL) and has_head and is_used
        kinds.append(int(kind_of_flags(flags[first] if continues else word)))
        tails.append(int(continues))
    return kinds, tails


WORDS = st.one_of(
    st.sampled_from([m.BUDDY, 0, m.ANON, m.SLAB, m.HEAD, m.TAIL, m.THP_HEAD, m.THP_TAIL, m.TAIL | m.NOPAGE]),
    st.integers(0, (1 << 43) - 1),
)


@given(st.lists(WORDS, min_size=1, max_size=40))
def test_classify_agrees_with_its_twin(words: list[int]) -> None:
    """Whole arrays at once give what a page at a time gives, compounds without a head among them."""
    flags = np.array(words, np.uint64)
    kinds, tails = FlagTable(flags).classify(flags)
    assert (kinds.tolist(), tails.tolist()) == classify_naively(words)


def classify(*words: int) -> list[PageKind]:
    """Returns the kinds of pages in a row."""
    flags: NDArray[np.uint64] = np.array(words, np.uint64)
    return [PageKind(kind) for kind in FlagTable(flags).classify(flags)[0]]


def test_tails_are_what_their_head_is() -> None:
    """The tails of a huge page of shmem show nothing that moves, and still are no kernel memory."""
    assert classify(m.SHMEM_THP_HEAD, m.SHMEM_THP_TAIL, m.SHMEM_THP_TAIL) == [PageKind.FILE_DIRTY] * 3
    assert classify(m.PIN | m.HEAD, m.THP_TAIL) == [PageKind.PINNED] * 2


def test_tails_without_head_speak_for_themselves() -> None:
    """Behind a free page, or first of all, a tail belongs to nothing that is known."""
    assert classify(m.TAIL, m.BUDDY, m.TAIL) == [PageKind.UNMOVABLE, PageKind.FREE, PageKind.UNMOVABLE]


def test_tails_that_say_more_are_none() -> None:
    """A hole, a reserved or a free page continues nothing, even with the flag of a tail."""
    words = (m.TAIL | m.NOPAGE, m.TAIL | m.RESERVED, m.TAIL | m.BUDDY)
    assert classify(m.THP_HEAD, *words, m.THP_TAIL) == [
        PageKind.THP,
        PageKind.NONE,
        PageKind.RESERVED,
        PageKind.FREE,
        PageKind.THP,
    ]
