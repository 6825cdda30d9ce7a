"""Folding a node's state into two numbers: what every page is, whose it is, and the order of the free lists.

Kept here: only what the buddy or the driver could act on counts; bytes of memory that is not online do not.
Left out: counters and block types, which are small (app.mm.digest hashes them as they are).
"""

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels._jit import int64, internal, kernel
from app.mm.kernels.buddy import sentinel
from app.mm.kernels.layout import (
    NR_TYPES,
    NodeArrays,
    head_at,
    next_row,
    owner_at,
    pfn_of_row,
    span,
    zone_of,
)

# Two polynomial hashes modulo primes below 2**31: products stay below 2**62, so nothing wraps,
# compiled or interpreted.
PRIME_A = 2147483647
PRIME_B = 2147483629
FACTOR_A = 1103515245
FACTOR_B = 1664525779
# No pfn: tells one list from the next.
END_OF_LIST = 1 << 40


@kernel
def fold(value: int, lanes: NDArray[np.int64]) -> None:
    """Takes one value of [0, 2**61) into both lanes."""
    lanes[0] = (lanes[0] * FACTOR_A + value) % PRIME_A
    lanes[1] = (lanes[1] * FACTOR_B + value) % PRIME_B


@kernel
def fold_runs(m: NodeArrays, lanes: NDArray[np.int64]) -> None:
    """Folds every run of online memory: its first pfn, kind, order and owner. Linear in runs."""
    order = m.geo.pageblock_order
    pfn = int64(0)
    while pfn < m.geo.nr_pages:
        if zone_of(m, pfn) < 0:
            pfn = ((pfn >> order) + 1) << order
            continue
        head = head_at(m, pfn)
        fold((pfn << int64(8)) | head, lanes)
        owner = int64(owner_at(m, pfn))
        if owner:
            # Owners below 0 are the kernel's and the driver's own.
            fold(owner & int64(0xFFFFFFFF), lanes)
        pfn += span(head >> 4)


@internal
def fold_list(m: NodeArrays, opener: int, lanes: NDArray[np.int64]) -> None:
    """Folds the free list whose sentinel is `opener`, head first, and where it ends."""
    row = next_row(m, opener)
    while row != opener:
        fold(pfn_of_row(m, row), lanes)
        row = next_row(m, row)
    fold(END_OF_LIST, lanes)


@kernel
def fold_lists(m: NodeArrays, lanes: NDArray[np.int64]) -> None:
    """Folds every free list, head first. Linear in free blocks."""
    for zone in range(m.geo.nr_zones):
        for order in range(m.geo.max_order + 1):
            for migratetype in range(NR_TYPES):
                fold_list(m, sentinel(m, zone, order, migratetype), lanes)
