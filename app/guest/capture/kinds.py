"""What the flags of a captured page make of it.

Mirrors fs/proc/page.c's flags against semantics section 3; the bits are app.guest.capture.page_flags'.
Left out: what flags cannot tell: most pins, and pages on per-cpu lists (app.guest.capture.guess).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.guest.capture import page_flags as kpf
from app.guest.capture.page_flags import mask
from app.mm.page import PageKind

# A page that the kernel uses for itself, or one on a per-cpu list: nothing tells them apart.
UNMARKED: Final = PageKind.UNMOVABLE_PAGES

# Pages of programs and files, on reclaim's lists or on their way there: only such hold valid contents.
_LRU: Final = mask(kpf.KPF_LRU, kpf.KPF_ANON, kpf.KPF_SWAPBACKED, kpf.KPF_UNEVICTABLE, kpf.KPF_UPTODATE)
# What keeps an anonymous page that is on reclaim's lists alive, other than a pin.
_HELD: Final = mask(kpf.KPF_MMAP, kpf.KPF_SWAPCACHE)
_MUST_COPY: Final = mask(
    kpf.KPF_DIRTY, kpf.KPF_WRITEBACK, kpf.KPF_SWAPBACKED, kpf.KPF_UNEVICTABLE, kpf.KPF_PRIVATE
)
_COMPOUND: Final = mask(kpf.KPF_COMPOUND_HEAD, kpf.KPF_COMPOUND_TAIL)
_KERNEL: Final = mask(kpf.KPF_SLAB, kpf.KPF_PGTABLE)
_HEAD: Final = np.uint64(mask(kpf.KPF_COMPOUND_HEAD))
_TAIL: Final = np.uint64(mask(kpf.KPF_COMPOUND_TAIL))

# Pages that are part of no compound page, whatever else their flags say.
_FOR_ITSELF: Final = (PageKind.NONE, PageKind.FREE, PageKind.RESERVED, PageKind.OFFLINE, PageKind.HWPOISON)

# The first that matches decides.
_BY_BIT: Final = (
    (mask(kpf.KPF_NOPAGE), PageKind.NONE),
    (mask(kpf.KPF_BUDDY), PageKind.FREE),
    (mask(kpf.KPF_HWPOISON), PageKind.HWPOISON),
    (mask(kpf.KPF_OFFLINE), PageKind.OFFLINE),
    (mask(kpf.KPF_RESERVED), PageKind.RESERVED),
    (mask(kpf.KPF_HUGE), PageKind.HUGETLB),
    (_KERNEL, PageKind.UNMOVABLE),
)


def kind_of_flags(flags: int) -> PageKind:
    """Returns the kind of a page with these flags; of a compound page, pass the head's.

    Pages that are only on their way to the LRU count as there: a contiguous allocation drains them first.
    An anonymous page that no process maps and that is not in swap would have been freed, if nothing else held a
    reference on it: a pin (K-2: migration does not even collect it).
    """
    for bits, kind in _BY_BIT:
        if flags & bits:
            return kind
    if not flags & _LRU:
        # Without compound and map counts it shows no mark at all.
        return PageKind.UNMOVABLE if flags & (_COMPOUND | mask(kpf.KPF_MMAP)) else UNMARKED
    if flags & mask(kpf.KPF_ANON):
        if flags & mask(kpf.KPF_LRU) and not flags & _HELD:
            return PageKind.PINNED
        return PageKind.THP if flags & _COMPOUND else PageKind.ANON
    return PageKind.FILE_DIRTY if flags & _MUST_COPY else PageKind.FILE_CLEAN


class FlagTable:
    """The kinds of all flag words of a capture, looked up for whole arrays."""

    def __init__(self, flags: NDArray[np.uint64]) -> None:
        """Classifies every word that occurs in `flags`."""
        self._words = np.unique(flags)
        self._kinds = np.array([kind_of_flags(int(word)) for word in self._words], np.uint8)

    def classify(self, flags: NDArray[np.uint64]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Returns PageKind, and 1 where a page continues a compound page, for runs of pages in a row.

        Such a page is what the compound's first page is: most flags are told of that one alone. A page whose own
        flags say more than that, or that follows no such first page, counts for itself.
        """
        own: NDArray[np.uint8] = self._kinds[np.searchsorted(self._words, flags)]
        is_tail = (flags & _TAIL) != 0
        first = np.maximum.accumulate(np.where(is_tail, 0, np.arange(flags.size)))
        is_used = ~np.isin(own, _FOR_ITSELF)
        continues = is_tail & is_used & is_used[first] & ((flags[first] & (_HEAD | _TAIL)) == _HEAD)
        return np.where(continues, own[first], own), continues.astype(np.uint8)
