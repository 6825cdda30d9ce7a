"""Watermarks and lowmem reserves, set anew in one crossing whenever a zone manages more or less.

Mirrors setup_per_zone_wmarks(), setup_per_zone_lowmem_reserve() and the huge-page daemon's minimum (B-19).
Invariants kept here: INV-29, which app.mm.watermark computes once more, in plain Python, to check it.
Left out: the boost of B-17.
"""

from math import sqrt

from app.mm.kernels._jit import int64, internal, kernel
from app.mm.kernels.layout import (
    S_MANAGED,
    S_RESERVE,
    S_WMARK_HIGH,
    S_WMARK_LOW,
    S_WMARK_MIN,
    ZONE_MOVABLE,
    ZONES_PER_NODE,
    NodeArrays,
    cell,
    id_of_zone,
)

SMALLEST_MIN_FREE_KBYTES = 128
LARGEST_MIN_FREE_KBYTES = 262144
# The huge-page daemon wants two free pageblocks a zone, and one for each pair of the three types.
PAGEBLOCKS_PER_ZONE = 2 + 3 * 3
# What each zone keeps from requests that could go higher: 1/ratio of the managed pages above it; 0: nothing.
LOWMEM_RESERVE_RATIOS = (256, 256, 32, 0)


@internal
def isqrt(square: int) -> int:
    """Returns the whole part of a square root; exact, as the float's is corrected."""
    root = int64(sqrt(square))
    while root * root > square:
        root -= 1
    while (root + 1) * (root + 1) <= square:
        root += 1
    return root


@internal
def step_of(share: int, pages: int, scale_factor: int) -> int:
    """Returns how far a zone's marks are apart."""
    return max(share // 4, pages * scale_factor // 10000)


@internal
def shared_pages(m: NodeArrays, movable_shares: int) -> int:
    """Returns the pages of the zones that share the minimum."""
    shared = int64(0)
    for zone in range(m.geo.nr_zones):
        if movable_shares or id_of_zone(zone) != ZONE_MOVABLE:
            shared += m.stat[cell(zone, S_MANAGED)]
    return shared


@internal
def lowmem_above(m: NodeArrays, min_pages: int, scale_factor: int, shared: int) -> int:
    """Returns what the kernel zones manage above their high marks: those that they have, or, min_pages given, would."""
    lowmem = int64(0)
    for zone in range(m.geo.nr_zones):
        pages = m.stat[cell(zone, S_MANAGED)]
        if pages == 0 or id_of_zone(zone) == ZONE_MOVABLE:
            continue
        high = m.stat[cell(zone, S_WMARK_HIGH)]
        if min_pages >= 0:
            share = min_pages * pages // shared
            high = share + 2 * step_of(share, pages, scale_factor)
        lowmem += max(int64(0), pages - high)
    return lowmem


@internal
def nr_kernel_zones(m: NodeArrays) -> int:
    """Returns how many kernel zones have memory."""
    count = int64(0)
    for zone in range(m.geo.nr_zones):
        count += id_of_zone(zone) != ZONE_MOVABLE and m.stat[cell(zone, S_MANAGED)] > 0
    return count


@internal
def set_reserves(m: NodeArrays, zone: int) -> None:
    """Sets what a zone keeps from requests that prefer each zone of its node."""
    ratio = LOWMEM_RESERVE_RATIOS[id_of_zone(zone)]
    is_keeping = ratio > 0 and m.stat[cell(zone, S_MANAGED)] > 0
    first = zone - id_of_zone(zone)
    above = int64(0)
    for highest in range(ZONES_PER_NODE):
        if highest > id_of_zone(zone):
            above += m.stat[cell(first + highest, S_MANAGED)]
        m.stat[cell(zone, S_RESERVE + highest)] = above // ratio if is_keeping else 0


@kernel
def recompute(
    m: NodeArrays, user_kbytes: int, has_huge_pages: int, scale_factor: int, movable_shares: int, kbytes: int
) -> None:
    """Sets marks and reserves of every zone; kbytes: of a page; the others as app.mm.watermark.MinFree."""
    shared = shared_pages(m, movable_shares)
    computed = isqrt(16 * lowmem_above(m, -1, scale_factor, shared) * kbytes)
    chosen = max(computed, user_kbytes)
    chosen = min(max(chosen, SMALLEST_MIN_FREE_KBYTES), max(LARGEST_MIN_FREE_KBYTES, user_kbytes))
    if has_huge_pages:
        wanted = PAGEBLOCKS_PER_ZONE * nr_kernel_zones(m) << m.geo.pageblock_order
        wanted = min(wanted, lowmem_above(m, chosen // kbytes, scale_factor, shared) // 20)
        chosen = max(chosen, wanted * kbytes)
    min_pages = chosen // kbytes
    for zone in range(m.geo.nr_zones):
        pages = m.stat[cell(zone, S_MANAGED)]
        share = min_pages * pages // shared if shared else int64(0)
        low_end = share
        if id_of_zone(zone) == ZONE_MOVABLE and not movable_shares:
            low_end = min(max(pages // 1024, int64(32)), int64(128)) if pages else int64(0)
        step = step_of(share, pages, scale_factor)
        m.stat[cell(zone, S_WMARK_MIN)] = low_end
        m.stat[cell(zone, S_WMARK_LOW)] = low_end + step
        m.stat[cell(zone, S_WMARK_HIGH)] = low_end + 2 * step
        set_reserves(m, zone)
