"""Watermarks and lowmem reserves of a node's zones, from how many pages each manages.

Mirrors setup_per_zone_wmarks(), setup_per_zone_lowmem_reserve() and the huge-page daemon's minimum (B-19).
Invariants kept here: INV-29.
Left out: the boost of B-17.
"""

from collections.abc import Sequence
from math import isqrt
from typing import NamedTuple

SMALLEST_MIN_FREE_KBYTES = 128
LARGEST_MIN_FREE_KBYTES = 262144
DEFAULT_WATERMARK_SCALE_FACTOR = 10
# What each zone keeps from requests that could go higher: 1/ratio of the managed pages above it.
LOWMEM_RESERVE_RATIOS = (256, 256, 32, 0)
_MOVABLE = 3
# The huge-page daemon wants two free pageblocks a zone, and one for each pair of the three types.
_PAGEBLOCKS_PER_ZONE = 2 + 3 * 3


class Watermarks(NamedTuple):
    """One zone's marks, in pages."""

    min: int
    low: int
    high: int


class MinFree(NamedTuple):
    """What decides min_free_kbytes.

    user_kbytes: what the machine's owner wrote, or -1; has_huge_pages: the huge-page daemon runs.
    """

    user_kbytes: int = -1
    has_huge_pages: bool = True
    scale_factor: int = DEFAULT_WATERMARK_SCALE_FACTOR


def min_free_kbytes(
    managed: Sequence[int],
    high: Sequence[int],
    sizes: tuple[int, int],
    rule: MinFree,
    *,
    movable_shares: bool,
) -> int:
    """Returns min_free_kbytes for zones that manage so many pages each and had these high marks so far.

    sizes: bytes of a page, pages of a pageblock. ZONE_MOVABLE, the last zone, does not count. Recorded on 5.10 and 6.1:
    what counts is what a zone manages above its high mark; for the huge-page daemon that is the mark without it.
    """
    page_size, pageblock_nr_pages = sizes
    kbytes = page_size // 1024
    computed = isqrt(16 * _above(managed, high) * kbytes)
    chosen = max(rule.user_kbytes, computed)
    chosen = min(max(chosen, SMALLEST_MIN_FREE_KBYTES), max(LARGEST_MIN_FREE_KBYTES, rule.user_kbytes))
    if not rule.has_huge_pages:
        return chosen
    marks = zone_watermarks(managed, chosen // kbytes, rule.scale_factor, movable_shares=movable_shares)
    populated = sum(1 for pages in managed[:_MOVABLE] if pages)
    lowmem = _above(managed, [mark.high for mark in marks])
    wanted = min(_PAGEBLOCKS_PER_ZONE * populated * pageblock_nr_pages, lowmem // 20)
    return max(chosen, wanted * kbytes)


def _above(managed: Sequence[int], high: Sequence[int]) -> int:
    """Returns how many pages the kernel zones manage above their high marks."""
    zones = zip(managed[:_MOVABLE], high, strict=False)
    return sum(max(0, pages - mark) for pages, mark in zones)


def zone_watermarks(
    managed: Sequence[int], min_pages: int, scale_factor: int, *, movable_shares: bool
) -> list[Watermarks]:
    """Returns the watermarks of every zone, `min_pages` being shared among them by what they manage.

    movable_shares: ZONE_MOVABLE has its part; else only kernel zones do, and it keeps 1/1024 of its pages.
    """
    lowmem = sum(managed if movable_shares else managed[:_MOVABLE])
    marks = []
    for zone, pages in enumerate(managed):
        share = min_pages * pages // lowmem if lowmem else 0
        low_end = share
        if zone == _MOVABLE and not movable_shares:
            low_end = min(max(pages // 1024, 32), 128)
        delta = max(share // 4, pages * scale_factor // 10000)
        marks.append(
            Watermarks(low_end, low_end + delta, low_end + 2 * delta) if pages else Watermarks(0, 0, 0)
        )
    return marks


def lowmem_reserves(managed: Sequence[int]) -> list[list[int]]:
    """Returns reserve[zone][highest zone of the request], in pages."""
    reserves = [[0] * len(managed) for _ in managed]
    for zone, ratio in enumerate(LOWMEM_RESERVE_RATIOS):
        above = 0
        for highest in range(zone + 1, len(managed)):
            above += managed[highest]
            reserves[zone][highest] = above // ratio if ratio and managed[zone] else 0
    return reserves
