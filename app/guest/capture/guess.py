"""What a capture's flags do not tell, inferred from what else it says: a rule each, and all can be overruled.

* Pages on per-cpu lists show no flag, like pages that the kernel uses. zoneinfo counts them per zone.
* The memmap of hotplugged memory shows no flag either; it fills whole pageblocks, in the order of plugging.
* pagetypeinfo counts pageblocks per type, but does not say which.
* zoneinfo counts the pages that the buddy was ever given. Those it was not given yet show no flag.
* Pages that a driver holds offline are virtio-mem's in whole sub-blocks; others are a balloon's.

Left out: pins. Nothing shows them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from app.mm.page import Migratetype


class PerCpuAssumption(StrEnum):
    """Which unmarked pages count as waiting on per-cpu lists."""

    AUTO = "auto"
    NONE = "none"
    ALL = "all"


@dataclass(frozen=True)
class PageblockCensus:
    """Counts of every pageblock, in pages: int64[pageblock]."""

    unmarked: NDArray[np.int64]
    # How many runs of neighbours the unmarked pages form.
    unmarked_runs: NDArray[np.int64]
    # Slab, page tables, compound pages of the kernel.
    kernel: NDArray[np.int64]
    reserved: NDArray[np.int64]
    offline: NDArray[np.int64]
    # Places without a page.
    absent: NDArray[np.int64]
    pageblock_nr_pages: int


def guess_per_cpu(
    census: PageblockCensus,
    is_possible: NDArray[np.bool_],
    nr_pcp: int,
    *,
    assumption: PerCpuAssumption,
) -> NDArray[np.int64]:
    """Returns the pageblocks of a zone whose unmarked pages are taken to wait on per-cpu lists.

    is_possible: whether the pageblock is one of the zone's, and no memmap. nr_pcp: pages that the zone has there, by
    zoneinfo. A pageblock that holds kernel pages keeps its unmarked ones: kernel pages cluster by type (B-14).
    Pageblocks that are unmarked as a whole come last: single pages are what such lists hold, but since 5.14 so many
    that a process which ends leaves pageblocks full of them, one after the other, broken off at both ends.
    """
    if assumption is PerCpuAssumption.NONE:
        return np.empty(0, np.int64)
    is_candidate = is_possible & (census.unmarked > 0) & (census.kernel == 0) & (census.reserved == 0)
    if assumption is PerCpuAssumption.ALL:
        return np.flatnonzero(is_candidate)
    is_candidate &= census.unmarked <= nr_pcp
    is_full = is_candidate & (census.unmarked == census.pageblock_nr_pages)
    partial = _partial_per_cpu(census, np.flatnonzero(is_candidate & ~is_full), nr_pcp)
    nr_left = nr_pcp - int(census.unmarked[partial].sum())
    full = _full_per_cpu(np.flatnonzero(is_full), partial, nr_left // census.pageblock_nr_pages)
    return np.sort(np.concatenate((partial, full)))


def _partial_per_cpu(census: PageblockCensus, blocks: NDArray[np.int64], nr_pcp: int) -> NDArray[np.int64]:
    """Returns which of some pageblocks, not wholly unmarked, hold per-cpu pages: all, if that can be.

    Else those whose unmarked pages lie in runs, fewest pages first: lists are filled and emptied in batches.
    """
    if int(census.unmarked[blocks].sum()) <= nr_pcp:
        return blocks
    blocks = blocks[census.unmarked[blocks] >= 2 * census.unmarked_runs[blocks]]
    blocks = blocks[np.argsort(census.unmarked[blocks], kind="stable")]
    return blocks[np.cumsum(census.unmarked[blocks]) <= nr_pcp]


def _full_per_cpu(blocks: NDArray[np.int64], partial: NDArray[np.int64], room: int) -> NDArray[np.int64]:
    """Returns which of some wholly unmarked pageblocks are per-cpu pages, at most `room` of them.

    Neighbours stand or fall together; those beside pageblocks that hold per-cpu pages in part go first.
    """
    if len(blocks) <= room:
        return blocks
    if not room:
        return blocks[:0]
    groups = np.split(blocks, np.flatnonzero(np.diff(blocks) > 1) + 1)
    known = set(partial.tolist())
    chosen: list[NDArray[np.int64]] = []
    for group in sorted(groups, key=lambda group: not known & {int(group[0]) - 1, int(group[-1]) + 1}):
        if len(group) <= room:
            chosen.append(group)
            room -= len(group)
    return np.concatenate([blocks[:0], *chosen])


def guess_memmaps(
    is_unmarked: NDArray[np.bool_],
    block_ids: Sequence[int],
    nr_pageblocks: int,
    *,
    region: tuple[int, int],
    nr_early: int,
) -> dict[int, list[int]]:
    """Returns memory block id -> the pageblocks that hold its memmap, nr_pageblocks each, for those that can be told.

    is_unmarked: whether no page of the pageblock has a mark, and its zone is one of the kernel's. region: pageblocks
    [first, end) of the device. The memmap of a memory block was allocated when it was plugged, as free pageblocks,
    lowest first: those of the first nr_early blocks from boot memory, those of later ones from the blocks plugged
    before them, if those are in zone Normal and boot memory has no such zone.
    """
    full = np.flatnonzero(is_unmarked)
    is_inside = (full >= region[0]) & (full < region[1])
    inside, outside = _in_pieces(full[is_inside], nr_pageblocks), _in_pieces(full[~is_inside], nr_pageblocks)
    found = dict(zip(block_ids[nr_early:], inside, strict=False))
    found.update(zip(block_ids[:nr_early], outside, strict=False))
    return found


def _in_pieces(pageblocks: NDArray[np.int64], size: int) -> list[list[int]]:
    """Returns the pageblocks in turn, `size` to a piece, without an incomplete last one."""
    rows: list[list[int]] = pageblocks[: len(pageblocks) // size * size].reshape(-1, size).tolist()
    return rows


def guess_unmanaged(
    census: PageblockCensus, in_zone: NDArray[np.bool_], nr_managed: int
) -> NDArray[np.int64]:
    """Returns the wholly unmarked pageblocks of a zone that its buddy was never given.

    nr_managed: pages that it was given, by zoneinfo. A kernel that initialises memory only when it needs it, from
    one end of a range on, leaves the longest stretches of such pageblocks.
    """
    size = census.pageblock_nr_pages
    possible = size - census.absent - census.reserved - census.offline
    surplus = (int(possible[in_zone].sum()) - nr_managed) // size
    if surplus <= 0:
        return np.empty(0, np.int64)
    blocks = np.flatnonzero(in_zone & (census.unmarked == size))
    groups = np.split(blocks, np.flatnonzero(np.diff(blocks) > 1) + 1)
    chosen = np.concatenate(sorted(groups, key=len, reverse=True))[:surplus]
    return np.sort(chosen)


def find_unplugged(
    census: PageblockCensus, memory_blocks: Sequence[int], *, per_memory_block: int, per_subblock: int
) -> NDArray[np.int64]:
    """Returns the pageblocks of a device's memory blocks whose sub-block is offline as a whole.

    per_memory_block, per_subblock: pageblocks in each.
    """
    is_offline = census.offline == census.pageblock_nr_pages
    found = [np.empty(0, np.int64)]
    for index in memory_blocks:
        first = index * per_memory_block
        here = is_offline[first : first + per_memory_block]
        whole = here[: len(here) // per_subblock * per_subblock].reshape(-1, per_subblock).all(1)
        found.append(first + np.flatnonzero(np.repeat(whole, per_subblock)))
    return np.concatenate(found)


def guess_types(
    census: PageblockCensus,
    in_zone: NDArray[np.bool_],
    counts: Mapping[str, int],
    types: NDArray[np.uint8],
) -> int:
    """Writes a zone's pageblock types into `types`, by `counts`; returns how many it could not place.

    Unmovable and reclaimable types go to the pageblocks with most kernel pages, then to free neighbours in the
    same chunk: a claim takes the whole free block (B-14). Among them, those with least unmarked pages are
    reclaimable: such pageblocks hold slab only. All others count as movable, those of CMA or an atomic reserve too.
    """
    wanted = counts.get("Unmovable", 0) + counts.get("Reclaimable", 0)
    nr_others = sum(counts.values()) - wanted - counts.get("Movable", 0)
    blocks = np.flatnonzero(in_zone)
    if not len(blocks):
        return wanted + nr_others
    weight = census.unmarked + census.kernel
    mates = np.append(weight, 0)[blocks ^ 1]
    key = weight[blocks] * (census.pageblock_nr_pages + 1) + mates
    ranked = blocks[np.argsort(-key, kind="stable")]
    chosen = ranked[:wanted][np.sort(-key)[:wanted] < 0]
    types[blocks] = Migratetype.MOVABLE
    types[chosen] = Migratetype.UNMOVABLE
    slab_only = chosen[census.kernel[chosen] > 0]
    share = census.unmarked[slab_only] / np.maximum(census.kernel[slab_only], 1)
    reclaimable = slab_only[np.argsort(share, kind="stable")][: counts.get("Reclaimable", 0)]
    types[reclaimable] = Migratetype.RECLAIMABLE
    return wanted + nr_others - len(chosen)
