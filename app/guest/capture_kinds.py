"""What the flags of a captured page make of it.

Mirrors fs/proc/page.c's flags against semantics section 3; the bits are app.guest.page_flags'.
Left out: what flags cannot tell: pins, and pages on per-cpu lists (app.guest.capture_guess).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.guest import page_flags as kpf
from app.guest.page_flags import mask
from app.mm.page import PageKind

# A page with none of these is one that the kernel uses for itself, or one on a per-cpu list.
UNMARKED: Final = PageKind.UNMOVABLE_PAGES

_LRU: Final = mask(kpf.KPF_LRU, kpf.KPF_ANON, kpf.KPF_SWAPBACKED, kpf.KPF_UNEVICTABLE)
_MUST_COPY: Final = mask(
    kpf.KPF_DIRTY, kpf.KPF_WRITEBACK, kpf.KPF_SWAPBACKED, kpf.KPF_UNEVICTABLE, kpf.KPF_PRIVATE
)
_COMPOUND: Final = mask(kpf.KPF_COMPOUND_HEAD, kpf.KPF_COMPOUND_TAIL)
_KERNEL: Final = mask(kpf.KPF_SLAB, kpf.KPF_PGTABLE)
_TAIL: Final = np.uint64(mask(kpf.KPF_COMPOUND_TAIL))

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
    """
    for bits, kind in _BY_BIT:
        if flags & bits:
            return kind
    if not flags & _LRU:
        # Without compound and map counts it shows no mark at all.
        return PageKind.UNMOVABLE if flags & (_COMPOUND | mask(kpf.KPF_MMAP)) else UNMARKED
    if flags & mask(kpf.KPF_ANON):
        return PageKind.THP if flags & _COMPOUND else PageKind.ANON
    return PageKind.FILE_DIRTY if flags & _MUST_COPY else PageKind.FILE_CLEAN


class FlagTable:
    """The kinds of all flag words of a capture, looked up for whole arrays."""

    def __init__(self, flags: NDArray[np.uint64]) -> None:
        """Classifies every word that occurs in `flags`."""
        self._words = np.unique(flags)
        self._kinds = np.array([kind_of_flags(int(word)) for word in self._words], np.uint8)

    def kinds(self, flags: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """Returns PageKind for each word."""
        kinds: NDArray[np.uint8] = self._kinds[np.searchsorted(self._words, flags)]
        return kinds

    @staticmethod
    def tails(flags: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """Returns 1 for each word of a page that continues a compound page."""
        return np.asarray((flags & _TAIL) != 0, np.uint8)
