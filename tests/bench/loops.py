"""The pair workloads around the simulator's own kernels, compiled like them: the same loops as in twin.c.

Crossing from Python once per page would measure the crossing.
"""

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels._jit import int64, kernel
from app.mm.kernels.allocation import alloc_page, free_run
from app.mm.kernels.layout import ANON, ZONE_NORMAL, NodeArrays

_CHECKSUM_FACTOR = 31
NO_REQUEST = int64(0)


@kernel
def pairs(m: NodeArrays, nr: int, order: int, checksum: int) -> int:
    """Allocates and frees one run of `order`, `nr` times; returns the checksum of twin.c, carried on, as int64."""
    for _ in range(nr):
        pfn = alloc_page(m, ANON | (order << 4), 1, ZONE_NORMAL, NO_REQUEST)
        checksum = checksum * _CHECKSUM_FACTOR + pfn
        free_run(m, pfn)
    return checksum


@kernel
def churn(
    m: NodeArrays,
    slots: NDArray[np.int64],
    orders: NDArray[np.int64],
    held: NDArray[np.int64],
    checksum: int,
) -> int:
    """Puts a new run of orders[i] into slots[i], freeing what is there, for each i; returns the checksum as pairs()."""
    for step in range(slots.shape[0]):
        slot = slots[step]
        if held[slot] >= 0:
            free_run(m, held[slot])
        held[slot] = alloc_page(m, ANON | (orders[step] << 4), 1, ZONE_NORMAL, NO_REQUEST)
        if held[slot] >= 0:
            checksum = checksum * _CHECKSUM_FACTOR + held[slot]
    return checksum
