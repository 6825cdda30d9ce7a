"""Memory hotplug: memory blocks are added, go online in a zone, go offline and are removed.

Mirrors mm/memory_hotplug.c and virtio-mem's use of it (semantics 6, 8.7).

    absent ──add──▶ offline ──online──▶ online(zone) ──offline──▶ offline ──remove──▶ absent

Invariants kept here: INV-13, INV-21.
Left out: auto-online policies and notifiers (the driver decides), memmap on the memory itself.
"""

from collections.abc import Sequence

import numpy as np

from app.mm.isolation import start_isolate_page_range, undo_isolate_page_range
from app.mm.kernels import isolation, layout, migrate
from app.mm.memory_block import MemoryBlockState
from app.mm.node import Node
from app.mm.outcome import Caller, Errno
from app.mm.page import PageKind
from app.mm.zone import ZONE_NAMES, ZoneId
from app.trace.events import MemoryBlockChanged

# struct page takes 64 bytes: 1/64 of memory at 4 KiB pages (HP-1).
MEMMAP_BYTES_PER_PAGE = 64
# Where Linux would go on for ever, this is the simulator's limit (HP-6).
OFFLINE_MAX_ROUNDS = 100
# Owner of memmap pages, and of offline pages that were never given to the buddy (K-5).
MEMMAP_OWNER = -1
NEVER_ONLINED = -2


def boot_memory(node: Node, start_pfn: int, end_pfn: int, zone: ZoneId) -> None:
    """Makes boot memory of whole memory blocks part of a zone, nothing of it free yet."""
    node.put_in_zone(start_pfn, end_pfn, zone)
    size = node.geometry.memory_block_nr_pages
    node.memory_blocks.set_online(start_pfn // size, end_pfn // size, zone)


def add_memory(node: Node, start_pfn: int, end_pfn: int) -> Errno:
    """Adds whole memory blocks, offline; their memmap comes from the guest's memory: ENOMEM when there is none.

    All or nothing.
    """
    added: list[int] = []
    for block_id in _block_ids(node, start_pfn, end_pfn):
        if not _alloc_memmap(node, block_id):
            for done in added:
                _free_memmap(node, done)
            return Errno.ENOMEM
        added.append(block_id)
    for block_id in added:
        node.memory_blocks.set_offline(block_id)
        node.sink.emit(MemoryBlockChanged(block_id, "offline", ""))
    return Errno.OK


def online_pages(
    node: Node, start_pfn: int, end_pfn: int, zone: ZoneId, *, offline_ranges: Sequence[tuple[int, int]] = ()
) -> Errno:
    """Onlines added memory blocks in a zone; pages of offline_ranges stay with virtio-mem, the rest become free.

    offline_ranges: ascending, disjoint [start, end) inside the range, whole pageblocks.
    """
    node.put_in_zone(start_pfn, end_pfn, zone)
    pfn = start_pfn
    for offline_start, offline_end in (*offline_ranges, (end_pfn, end_pfn)):
        if pfn < offline_start:
            node.set_free(pfn, offline_start)
        if offline_start < offline_end:
            mark_never_onlined(node, offline_start, offline_end)
        pfn = offline_end
    size = node.geometry.memory_block_nr_pages
    node.memory_blocks.set_online(start_pfn // size, end_pfn // size, zone)
    for block_id in _block_ids(node, start_pfn, end_pfn):
        node.sink.emit(MemoryBlockChanged(block_id, "online", ZONE_NAMES[zone]))
    node.recompute_watermarks()
    return Errno.OK


def offline_pages(node: Node, start_pfn: int, end_pfn: int) -> Errno:
    """Takes online memory blocks out of their zone; what is in use is migrated first (HP-5).

    EBUSY: an unmovable page; ENOMEM: nowhere to migrate; EINTR: OFFLINE_MAX_ROUNDS rounds did not empty it.
    Nothing has changed then, but pages that were migrated stay migrated. EINVAL: no whole memory blocks, or not
    online in one zone.
    """
    is_whole = not (start_pfn | end_pfn) % node.geometry.memory_block_nr_pages
    zone = node.zone_at(start_pfn) if is_whole and node.is_one_zone(start_pfn, end_pfn) else None
    if zone is None:
        return Errno.EINVAL
    arrays = node.arrays
    node.tally[:] = 0
    if start_isolate_page_range(node, start_pfn, end_pfn, Caller.MEMORY_OFFLINE) >= 0:
        return Errno.EBUSY
    result = _empty(node, start_pfn, end_pfn)
    if result is not Errno.OK:
        undo_isolate_page_range(node, start_pfn, end_pfn, Caller.MEMORY_OFFLINE)
        return result
    freed = int(isolation.forget_range(arrays, start_pfn, end_pfn))
    _take_out_of_zone(node, start_pfn, end_pfn, zone.index, freed)
    return Errno.OK


def _empty(node: Node, start_pfn: int, end_pfn: int) -> Errno:
    """Migrates until everything isolated is free or held offline; bounded (HP-6).

    Page cache is moved, clean or not, and a pinned page holds up none behind it: contiguous allocation alone does that.
    """
    node.drain_pcp()
    for _ in range(OFFLINE_MAX_ROUNDS):
        if migrate.migrate_batch(node.arrays, start_pfn, end_pfn, node.tally) == migrate.NO_MEMORY:
            return Errno.ENOMEM
        if isolation.find_not_isolated(node.arrays, start_pfn, end_pfn, isolation.MEMORY_OFFLINE) < 0:
            return Errno.OK
    return Errno.EINTR


def _take_out_of_zone(node: Node, start_pfn: int, end_pfn: int, zone: ZoneId, freed: int) -> None:
    """Ends a memory block's membership: counters, span, states, watermarks."""
    order = node.geometry.pageblock_order
    size = node.geometry.memory_block_nr_pages
    stat = node.stat[zone]
    first, last = start_pfn >> order, end_pfn >> order
    stat[layout.S_NR_ISOLATE] -= last - first
    stat[layout.S_MANAGED] -= freed
    stat[layout.S_PRESENT] -= end_pfn - start_pfn
    node.arrays.block_zone[first:last] = 0
    node.arrays.block_type[first:last] = 0
    for block_id in _block_ids(node, start_pfn, end_pfn):
        node.memory_blocks.set_offline(block_id)
        node.sink.emit(MemoryBlockChanged(block_id, "offline", ""))
    lowest, highest = node.memory_blocks.first_online(zone), node.memory_blocks.last_online(zone)
    if lowest is None or highest is None:
        stat[layout.S_START_PFN] = stat[layout.S_END_PFN] = 0
    elif stat[layout.S_START_PFN] == start_pfn:
        stat[layout.S_START_PFN] = lowest * size
    elif stat[layout.S_END_PFN] == end_pfn:
        stat[layout.S_END_PFN] = (highest + 1) * size
    node.recompute_watermarks()


def remove_memory(node: Node, start_pfn: int, end_pfn: int) -> Errno:
    """Removes offline memory blocks and frees their memmap; EBUSY when one is not offline (HP-9)."""
    ids = _block_ids(node, start_pfn, end_pfn)
    if any(node.memory_blocks.state(block_id) is not MemoryBlockState.OFFLINE for block_id in ids):
        return Errno.EBUSY
    for block_id in ids:
        _free_memmap(node, block_id)
        node.memory_blocks.set_absent(block_id)
        node.sink.emit(MemoryBlockChanged(block_id, "absent", ""))
    return Errno.OK


def offline_and_remove_memory(node: Node, start_pfn: int, end_pfn: int) -> Errno:
    """Takes memory blocks offline and removes them; those already offline go online again on failure (HP-9)."""
    size = node.geometry.memory_block_nr_pages
    done: list[tuple[int, ZoneId]] = []
    for block_id in _block_ids(node, start_pfn, end_pfn):
        zone = node.memory_blocks.zone_id(block_id)
        if zone is None:
            continue
        result = offline_pages(node, block_id * size, (block_id + 1) * size)
        if result is not Errno.OK:
            for other, its_zone in done:
                online_pages(node, other * size, (other + 1) * size, its_zone)
            return result
        done.append((block_id, zone))
    return remove_memory(node, start_pfn, end_pfn)


def mark_offline(node: Node, start_pfn: int, end_pfn: int) -> None:
    """Books pages that a contiguous allocation took as OFFLINE: the zone manages them no longer (8.7)."""
    node.adjust_managed(start_pfn, start_pfn - end_pfn)


def set_owner(node: Node, start_pfn: int, end_pfn: int, owner: int) -> None:
    """Makes every run that starts in [start_pfn, end_pfn) somebody's, or nobody's (0)."""
    arrays = node.arrays
    pfn = start_pfn
    while pfn < end_pfn:
        layout.set_owner(arrays, pfn, owner)
        pfn += 1 << (int(layout.head_at(arrays, pfn)) >> 4)


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


def _block_ids(node: Node, start_pfn: int, end_pfn: int) -> range:
    size = node.geometry.memory_block_nr_pages
    return range(start_pfn // size, end_pfn // size)


def memmap_nr_pages(node: Node) -> int:
    """Returns how many pages the memmap of one memory block takes."""
    geometry = node.geometry
    return -(-geometry.memory_block_nr_pages * MEMMAP_BYTES_PER_PAGE // geometry.page_size)


def _alloc_memmap(node: Node, block_id: int) -> bool:
    """Allocates a memory block's memmap; False when there is no room, and nothing is kept.

    In pageblocks as far as the memmap fills them, else, or when none can be had, in single pages.
    """
    pfns: list[int] = []
    left = memmap_nr_pages(node)
    order = node.geometry.pageblock_order
    while left:
        if left < 1 << order:
            order = left.bit_length() - 1
        pfn = node.alloc_page(PageKind.UNMOVABLE_PAGES, order, MEMMAP_OWNER)
        if pfn >= 0:
            pfns.append(pfn)
            left -= 1 << order
        elif order:
            order = 0
        else:
            node.free_runs(np.array(pfns, np.int64))
            return False
    node.memmaps[block_id] = pfns
    return True


def _free_memmap(node: Node, block_id: int) -> None:
    node.free_runs(np.array(node.memmaps.pop(block_id, []), np.int64))
