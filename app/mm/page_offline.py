"""Pages that virtio-mem holds inside online memory: marked, given back, and let go while their block goes offline.

Mirrors PageOffline and its use by drivers/virtio/virtio_mem.c (semantics 8.7, HP-7, K-5).
Invariants kept here: INV-21.
Left out: taking them (app.mm.contig), when they are given back (app.virtio_mem.driver).
"""

import numpy as np

from app.mm.kernels import layout, owned, walk
from app.mm.node import Node
from app.mm.page import PageKind
from app.mm.policies.switches import OfflineManaged

# Owner of offline pages that were never given to the buddy (K-5).
NEVER_ONLINED = -2


def mark_offline(node: Node, start_pfn: int, end_pfn: int) -> None:
    """Books pages that a contiguous allocation took as OFFLINE: the zone manages them no longer (8.7)."""
    node.adjust_managed(start_pfn, start_pfn - end_pfn)


def set_owner(node: Node, start_pfn: int, end_pfn: int, owner: int) -> None:
    """Makes every run that starts in [start_pfn, end_pfn) somebody's, or nobody's (0)."""
    owned.set_owners(node.arrays, start_pfn, end_pfn, owner)


def mark_never_onlined(node: Node, start_pfn: int, end_pfn: int) -> None:
    """Declares pages of an onlining memory block as held by virtio-mem; the buddy never had them (K-5)."""
    node.set_kind(start_pfn, end_pfn, PageKind.OFFLINE)
    set_owner(node, start_pfn, end_pfn, NEVER_ONLINED)


def clear_offline(node: Node, start_pfn: int, end_pfn: int) -> None:
    """Gives OFFLINE pages to the buddy: fresh ones at the tail, those taken before as a contiguous range (8.7).

    The decision is made run by run, where Linux looks at the first page of a larger piece (D-16).
    """
    arrays = node.arrays
    _cut_offline_run(node, start_pfn)
    _cut_offline_run(node, end_pfn)
    pfn = start_pfn
    while pfn < end_pfn:
        nr_pages = 1 << (int(layout.head_at(arrays, pfn)) >> 4)
        if layout.owner_at(arrays, pfn) == NEVER_ONLINED:
            layout.set_owner(arrays, pfn, 0)
            layout.clear_head(arrays, pfn)
            node.set_free(pfn, pfn + nr_pages)
        else:
            node.free_runs(np.array([pfn], np.int64))
            node.adjust_managed(pfn, nr_pages)
        pfn += nr_pages


def _cut_offline_run(node: Node, boundary: int) -> None:
    """Splits the run of offline pages that lies over `boundary`, if one does: it is only a tile, no compound."""
    arrays = node.arrays
    first = int(layout.covering_head(arrays, boundary)) if boundary < node.nr_pages else -1
    if first < 0 or first == boundary:
        return
    end_pfn = first + (1 << (int(layout.head_at(arrays, first)) >> 4))
    owner = int(layout.owner_at(arrays, first))
    layout.set_owner(arrays, first, 0)
    layout.clear_head(arrays, first)
    for start, end in ((first, boundary), (boundary, end_pfn)):
        node.set_kind(start, end, PageKind.OFFLINE)
        set_owner(node, start, end, owner)


# ------------------------------------------------------------------- while memory goes offline (HP-7)


def release_offline(node: Node, start_pfn: int, end_pfn: int) -> None:
    """Drops the driver's reference on its OFFLINE pages of a memory block that goes offline: they may go with it."""
    node.released.append((start_pfn, end_pfn))
    if node.policy.offline_managed is OfflineManaged.DRIVER:
        node.adjust_managed(start_pfn, end_pfn - start_pfn)


def hold_offline(node: Node, start_pfn: int, end_pfn: int) -> None:
    """Takes the reference again, if it was dropped: the memory block stays online."""
    if (start_pfn, end_pfn) not in node.released:
        return  # Somebody else refused before this driver was asked.
    node.released.remove((start_pfn, end_pfn))
    if node.policy.offline_managed is OfflineManaged.DRIVER:
        node.adjust_managed(start_pfn, start_pfn - end_pfn)


def find_held(node: Node, start_pfn: int, end_pfn: int) -> int:
    """Returns the first OFFLINE page of the range on which somebody holds a reference, or -1. Linear in runs."""
    if (start_pfn, end_pfn) in node.released:
        return -1  # Everything there is unplugged: the way of every memory block that a driver removes.
    order = node.geometry.pageblock_order
    counts = np.zeros(((end_pfn - start_pfn) >> order, layout.NR_KINDS), np.int64)
    walk.count_kinds(node.arrays, start_pfn, end_pfn, counts)
    size = 1 << order
    edges = np.arange(start_pfn, end_pfn, size)
    held = counts[:, PageKind.OFFLINE]
    for first, end in node.released:
        held -= np.clip(np.minimum(end, edges + size) - np.maximum(first, edges), 0, None)
    is_held = held > 0
    if not is_held.any():
        return -1
    pfn = start_pfn + (int(is_held.argmax()) << order)
    while node.kind_of(pfn) is not PageKind.OFFLINE:
        pfn += 1
    return pfn
