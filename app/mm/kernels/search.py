"""Searching a node for what a recount could not place: free heads on no list, and bytes where no run begins.

Kept here: as in kernels.check, every walk ends and stays inside the arrays whatever bytes these hold.
Left out: sound nodes, which are never searched.
"""

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels._jit import int64, internal, kernel
from app.mm.kernels.check import fits, follower, is_entry, opener_of_list, sound_zone_of
from app.mm.kernels.findings import (
    F_STRAY_HEAD,
    F_STRAY_OWNER,
    F_UNLISTED,
    NOTHING,
    NOWHERE,
    Findings,
    list_number,
    note,
)
from app.mm.kernels.layout import (
    FREE,
    NR_TYPES,
    NodeArrays,
    head_at,
    index_of,
    owner_at,
    pfn_of_row,
    span,
)


@kernel
def mark_entries(m: NodeArrays, is_listed: NDArray[np.uint8]) -> None:
    """Marks is_listed[index] for the page of every sound entry, as far as the lists can be followed."""
    for zone in range(m.geo.nr_zones):
        for order in range(m.geo.max_order + 1):
            for migratetype in range(NR_TYPES):
                mark_list(m, list_number(zone, order, migratetype), is_listed)


@internal
def mark_list(m: NodeArrays, number: int, is_listed: NDArray[np.uint8]) -> None:
    """Marks the pages of one list's entries."""
    row = follower(m, opener_of_list(m, number))
    while 0 <= row < m.geo.sentinels:
        if is_entry(m, row, number):
            is_listed[index_of(m, pfn_of_row(m, row))] = 1
        row = follower(m, row)


@kernel
def find_unlisted(m: NodeArrays, is_listed: NDArray[np.uint8], f: Findings) -> None:
    """Notes the free heads that no list holds."""
    pfn = int64(0)
    while pfn < m.geo.nr_pages:
        zone = sound_zone_of(m, pfn)
        head = head_at(m, pfn)
        if zone >= 0 and head and fits(m, zone, pfn, head):
            if (head & 15) == FREE and not is_listed[index_of(m, pfn)]:
                note(f, F_UNLISTED, pfn, head, NOTHING)
            pfn += span(head >> 4)
            continue
        pfn += 1


@kernel
def find_strays(m: NodeArrays, f: Findings) -> None:
    """Notes head bytes and owners where no run begins. Linear in pages."""
    run_end = int64(0)
    first = int64(0)
    for pfn in range(m.geo.nr_pages):
        head = head_at(m, pfn)
        zone = sound_zone_of(m, pfn)
        if pfn >= run_end and zone >= 0 and head:
            first = pfn
            run_end = pfn + (span(head >> 4) if fits(m, zone, pfn, head) else 1)
            continue
        beside = first if pfn < run_end else NOWHERE
        if head:
            note(f, F_STRAY_HEAD, pfn, head, beside)
        if owner_at(m, pfn):
            note(f, F_STRAY_OWNER, pfn, owner_at(m, pfn), beside)
