"""Memory hotplug: memory blocks are added, go online in a zone, go offline and are removed.

Mirrors mm/memory_hotplug.c and virtio-mem's use of it (semantics 6, 8.7).

    absent ──add──▶ offline ──online──▶ online(zone) ──offline──▶ offline ──remove──▶ absent

    add        memmap, state; then online, if the system does that by itself (D-7)
    online     listeners ask ──▶ span, pages, present ──▶ watermarks ──▶ listeners told             (HP-4)
    offline    drain ──▶ isolate ──▶ listeners ask ──▶ migrate ──▶ out of the zone ──▶ watermarks ──▶ told   (HP-5)

Invariants kept here: INV-13, INV-21.
Left out: that onlining pageblocks are isolated meanwhile, since nothing runs in between; memmap on the memory itself.
"""

from app.mm import memmap
from app.mm.hotplug_rules import OnlinePolicy
from app.mm.isolation import start_isolate_page_range, undo_isolate_page_range
from app.mm.kernels import isolation, layout, migrate
from app.mm.memory_block import MemoryBlockState
from app.mm.node import Node
from app.mm.notifier import MemoryAction, MemoryChange
from app.mm.outcome import Caller, Errno, Obstacle, OfflineOutcome
from app.mm.page_offline import find_held, mark_never_onlined
from app.mm.policies.switches import OfflineManaged
from app.mm.zone import ZONE_NAMES, Zone, ZoneId
from app.mm.zone_choice import zone_for
from app.trace.events import MemoryBlockChanged, MemoryBlockRefused, MemoryBlockStayed

# Pageblocks that are looked at together for the end of a span.
_BATCH = 4096


def boot_memory(node: Node, start_pfn: int, end_pfn: int, zone: ZoneId, *, numa_node: int = 0) -> None:
    """Makes boot memory of whole pageblocks part of a NUMA node's zone, nothing of it free yet.

    A memory block may be there in part, and belong to two zones of a node: such a one never goes offline.
    """
    size, blocks = node.geometry.memory_block_nr_pages, node.memory_blocks
    first = start_pfn // size
    blocks.set_numa_node(first, -(-end_pfn // size), numa_node)
    node.put_in_zone(start_pfn, end_pfn, zone)
    if blocks.state(first) is MemoryBlockState.ONLINE:
        blocks.set_online(first, first + 1, None)
        first += 1
    end = -(-end_pfn // size)
    if first < end:
        blocks.set_online(first, end, zone)


# ---------------------------------------------------------------------------------- add and online


def add_memory(
    node: Node, start_pfn: int, end_pfn: int, *, numa_node: int = 0, group: str | None = None
) -> Errno:
    """Adds whole memory blocks of a group to a NUMA node; ENOMEM when the guest has no memory for their memmap.

    It is taken from the same node if that can give it. All or nothing. Then each block goes online, if the system does
    that by itself; one that cannot stays offline.
    """
    added: list[int] = []
    for block_id in _block_ids(node, start_pfn, end_pfn):
        if not memmap.alloc_memmap(node, block_id, numa_node):
            for done in added:
                memmap.free_memmap(node, done)
            return Errno.ENOMEM
        added.append(block_id)
    for block_id in added:
        node.memory_blocks.set_numa_node(block_id, block_id + 1, numa_node)
        node.memory_blocks.set_offline(block_id)
        if group is not None:
            node.memory_blocks.join_group(block_id, group)
        node.sink.emit(MemoryBlockChanged(block_id, "offline", ""))
    wanted = node.hotplug_rules.online
    if wanted is not OnlinePolicy.OFFLINE:
        for block_id in added:
            online_memory_block(node, block_id, wanted)
    return Errno.OK


def adopt_memory_block(node: Node, block_id: int, group: str) -> None:
    """Says that a memory block which is there already is of a group."""
    node.memory_blocks.join_group(block_id, group)
    zone = node.memory_blocks.zone_id(block_id)
    if zone is not None:
        _count_in_group(node, block_id, zone, is_online=True)


def online_memory_block(node: Node, block_id: int, wanted: OnlinePolicy) -> Errno:
    """Onlines one memory block where `wanted` says, which is anything but offline.

    EINVAL: it is not offline; else what a listener refuses it with.
    """
    size = node.geometry.memory_block_nr_pages
    pair = block_id * size, (block_id + 1) * size
    return online_pages(node, *pair, zone_for(node, *pair, wanted))


def online_pages(node: Node, start_pfn: int, end_pfn: int, zone: ZoneId) -> Errno:
    """Onlines offline memory blocks in a zone; what a listener withholds stays with it, the rest becomes free (HP-4).

    EINVAL: not all of them are offline; else what a listener refuses it with. Then nothing has changed.
    """
    ids = _block_ids(node, start_pfn, end_pfn)
    if any(node.memory_blocks.state(block_id) is not MemoryBlockState.OFFLINE for block_id in ids):
        return Errno.EINVAL
    change = MemoryChange(MemoryAction.GOING_ONLINE, start_pfn, end_pfn, zone)
    refusal = node.listeners.ask(change)
    if refusal is not Errno.OK:
        node.sink.emit(MemoryBlockRefused(ids[0], str(change.action), str(refusal)))
        node.listeners.tell(change._replace(action=MemoryAction.CANCEL_ONLINE))
        return refusal
    node.put_in_zone(start_pfn, end_pfn, zone)
    _hand_over(node, start_pfn, end_pfn)
    node.memory_blocks.set_online(ids[0], ids[-1] + 1, zone)
    for block_id in ids:
        _count_in_group(node, block_id, zone, is_online=True)
        node.sink.emit(MemoryBlockChanged(block_id, "online", ZONE_NAMES[zone]))
    node.recompute_watermarks()
    node.listeners.tell(change._replace(action=MemoryAction.ONLINE))
    return Errno.OK


def _hand_over(node: Node, start_pfn: int, end_pfn: int) -> None:
    """Gives pages to the buddy, ascending, but for those that a listener withholds."""
    pfn = start_pfn
    for withheld_start, withheld_end in (*node.listeners.withheld(start_pfn, end_pfn), (end_pfn, end_pfn)):
        if pfn < withheld_start:
            node.set_free(pfn, withheld_start)
        if withheld_start < withheld_end:
            mark_never_onlined(node, withheld_start, withheld_end)
        pfn = withheld_end


# -------------------------------------------------------------------------------------- offline


def offline_pages(node: Node, start_pfn: int, end_pfn: int) -> OfflineOutcome:
    """Takes online memory blocks out of their zone; what is in use is migrated first (HP-5).

    EBUSY: an unmovable page, or one of virtio-mem's whose driver does not let go; ENOMEM: nowhere to migrate;
    EINTR: the rounds that the rules allow did not empty it; else what a listener refuses it with.
    Nothing has changed then, but pages that were migrated stay migrated. EINVAL: no whole memory blocks, or not
    online in one zone.
    """
    is_whole = not (start_pfn | end_pfn) % node.geometry.memory_block_nr_pages
    zone = node.zone_at(start_pfn) if is_whole and node.is_one_zone(start_pfn, end_pfn) else None
    if zone is None:
        return OfflineOutcome(Errno.EINVAL)
    node.tally[:] = 0
    node.drain_pcp()
    block_id = start_pfn // node.geometry.memory_block_nr_pages
    obstacle = start_isolate_page_range(node, start_pfn, end_pfn, Caller.MEMORY_OFFLINE)
    if obstacle >= 0:
        return _stayed(node, block_id, _outcome(node, Errno.EBUSY, obstacle, nr_rounds=0))
    change = MemoryChange(MemoryAction.GOING_OFFLINE, start_pfn, end_pfn, zone.id)
    refusal = node.listeners.ask(change)
    if refusal is Errno.OK:
        outcome = _empty(node, start_pfn, end_pfn)
    else:
        node.sink.emit(MemoryBlockRefused(block_id, str(change.action), str(refusal)))
        outcome = OfflineOutcome(refusal)
    if outcome.result is not Errno.OK:
        undo_isolate_page_range(node, start_pfn, end_pfn, Caller.MEMORY_OFFLINE)
        node.listeners.tell(change._replace(action=MemoryAction.CANCEL_OFFLINE))
        return _stayed(node, block_id, outcome)
    _take_out_of_zone(node, start_pfn, end_pfn, zone)
    node.listeners.tell(change._replace(action=MemoryAction.OFFLINE))
    return outcome


def _stayed(node: Node, block_id: int, outcome: OfflineOutcome) -> OfflineOutcome:
    obstacle_pfn = -1 if outcome.obstacle is None else outcome.obstacle.pfn
    node.sink.emit(MemoryBlockStayed(block_id, str(outcome.result), obstacle_pfn, outcome.nr_rounds))
    return outcome


def _outcome(node: Node, result: Errno, obstacle_pfn: int, *, nr_rounds: int) -> OfflineOutcome:
    tally = node.tally.tolist()
    return OfflineOutcome(
        result,
        None if obstacle_pfn < 0 else Obstacle(obstacle_pfn, node.kind_of(obstacle_pfn)),
        nr_rounds,
        tally[migrate.T_MIGRATED_BASE] + tally[migrate.T_MIGRATED_HUGE],
        tally[migrate.T_MIGRATED_HUGE],
        tally[migrate.T_HUGE_RUNS],
    )


def _empty(node: Node, start_pfn: int, end_pfn: int) -> OfflineOutcome:
    """Migrates until everything isolated is free or let go by virtio-mem; bounded (HP-6).

    Page cache is moved, clean or not, and a pinned page holds up none behind it: contiguous allocation alone does that.
    """
    held = find_held(node, start_pfn, end_pfn)
    if held >= 0:
        return _outcome(node, Errno.EBUSY, held, nr_rounds=0)
    where = where_to_move(node, start_pfn)
    stays = -1
    nr_rounds = 0
    while nr_rounds < node.hotplug_rules.offline_max_rounds:
        nr_rounds += 1
        if migrate.migrate_batch(node.arrays, start_pfn, end_pfn, where, node.tally) == migrate.NO_MEMORY:
            return _outcome(node, Errno.ENOMEM, int(node.tally[migrate.T_OBSTACLE_PFN]), nr_rounds=nr_rounds)
        stays = int(isolation.find_not_isolated(node.arrays, start_pfn, end_pfn, isolation.MEMORY_OFFLINE))
        if stays < 0:
            return _outcome(node, Errno.OK, -1, nr_rounds=nr_rounds)
    return _outcome(node, Errno.EINTR, stays, nr_rounds=nr_rounds)


def where_to_move(node: Node, pfn: int) -> int:
    """Returns where offlining moves pages to: other NUMA nodes alone, if there is memory on any."""
    own = node.memory_blocks.numa_node(pfn // node.geometry.memory_block_nr_pages)
    has_others = any(zone.present for zone in node.zones if zone.numa_node != own)
    return int(migrate.LEAVES_NODE if has_others else migrate.STAYS_NEAR)


def _take_out_of_zone(node: Node, start_pfn: int, end_pfn: int, zone: Zone) -> None:
    """Ends a memory block's membership: pages, counters, span, states, watermarks."""
    freed = int(isolation.forget_range(node.arrays, start_pfn, end_pfn))
    node.released = []
    order = node.geometry.pageblock_order
    stat = node.stat[zone.index]
    first, last = start_pfn >> order, end_pfn >> order
    stat[layout.S_NR_ISOLATE] -= last - first
    # HP-7: virtio-mem's drivers gave their pages back to `managed` before, or the core leaves them out.
    is_all_managed = node.policy.offline_managed is OfflineManaged.DRIVER
    stat[layout.S_MANAGED] -= end_pfn - start_pfn if is_all_managed else freed
    stat[layout.S_PRESENT] -= end_pfn - start_pfn
    node.arrays.block_zone[first:last] = 0
    node.arrays.block_type[first:last] = 0
    ids = _block_ids(node, start_pfn, end_pfn)
    for block_id in ids:
        _count_in_group(node, block_id, zone.id, is_online=False)
        node.memory_blocks.set_offline(block_id)
        node.sink.emit(MemoryBlockChanged(block_id, "offline", ""))
    _shrink_span(node, start_pfn, end_pfn, zone)
    node.recompute_watermarks()


def _count_in_group(node: Node, block_id: int, zone: ZoneId, *, is_online: bool) -> None:
    """Counts the pages of a memory block that went on- or offline (HP-10)."""
    group = node.memory_blocks.group_of(block_id)
    if group is None:
        return
    nr_pages = node.geometry.memory_block_nr_pages * (1 if is_online else -1)
    if zone is ZoneId.MOVABLE:
        group.present_movable += nr_pages
    else:
        group.present_kernel += nr_pages


def _shrink_span(node: Node, start_pfn: int, end_pfn: int, zone: Zone) -> None:
    """Ends a zone's span where its memory ends, after [start_pfn, end_pfn) has left it (HP-8)."""
    stat, byte = node.stat[zone.index], zone.index + 1
    order = node.geometry.pageblock_order
    zones = node.arrays.block_zone
    if not stat[layout.S_PRESENT]:
        stat[layout.S_START_PFN] = stat[layout.S_END_PFN] = 0
    elif stat[layout.S_START_PFN] == start_pfn:
        first = end_pfn >> order
        while not (found := (zones[first : first + _BATCH] == byte)).any():
            first += _BATCH
        stat[layout.S_START_PFN] = first + int(found.argmax()) << order
    elif stat[layout.S_END_PFN] == end_pfn:
        last = start_pfn >> order
        # As a rule its neighbour is there: drivers remove from the top down.
        while zones[last - 1] != byte:
            found = zones[max(0, last - _BATCH) : last] == byte
            last -= int(found[::-1].argmax()) if found.any() else len(found)
        stat[layout.S_END_PFN] = last << order


# --------------------------------------------------------------------------------------- remove


def remove_memory(node: Node, start_pfn: int, end_pfn: int) -> Errno:
    """Removes offline memory blocks and frees their memmap; EBUSY when one is not offline (HP-9)."""
    ids = _block_ids(node, start_pfn, end_pfn)
    if any(node.memory_blocks.state(block_id) is not MemoryBlockState.OFFLINE for block_id in ids):
        return Errno.EBUSY
    for block_id in ids:
        memmap.free_memmap(node, block_id)
        node.memory_blocks.set_absent(block_id)
        node.sink.emit(MemoryBlockChanged(block_id, "absent", ""))
    return Errno.OK


def offline_and_remove_memory(node: Node, start_pfn: int, end_pfn: int) -> OfflineOutcome:
    """Takes memory blocks offline and removes them (HP-9).

    When one fails, those that went offline here go online again where they were; what listeners withheld, they
    withhold again. Counts are those of all blocks together.
    """
    size = node.geometry.memory_block_nr_pages
    done: list[tuple[int, ZoneId]] = []
    total = OfflineOutcome(Errno.OK)
    for block_id in _block_ids(node, start_pfn, end_pfn):
        if node.memory_blocks.state(block_id) is not MemoryBlockState.ONLINE:
            continue
        zone = node.memory_blocks.zone_id(block_id)
        outcome = offline_pages(node, block_id * size, (block_id + 1) * size)
        total = outcome.after(total) if done else outcome
        if outcome.result is not Errno.OK:
            for other, its_zone in done:
                online_pages(node, other * size, (other + 1) * size, its_zone)
            return total
        assert zone is not None, f"INV-13: memory block {block_id} went offline from several zones"
        done.append((block_id, zone))
    return total._replace(result=remove_memory(node, start_pfn, end_pfn))


def _block_ids(node: Node, start_pfn: int, end_pfn: int) -> range:
    size = node.geometry.memory_block_nr_pages
    return range(start_pfn // size, end_pfn // size)
