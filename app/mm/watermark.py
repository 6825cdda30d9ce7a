"""Watermarks of all zones, by index, from how many pages each manages: what they should be.

Mirrors setup_per_zone_wmarks() and the huge-page daemon's minimum (B-19), in plain Python, for checks and captures.
Left out: setting them (kernels.watermark), the boost of B-17.
"""

from collections.abc import Sequence
from math import isqrt
from typing import NamedTuple

from app.mm.kernels.layout import ZONES_PER_NODE
from app.mm.kernels.watermark import LARGEST_MIN_FREE_KBYTES, PAGEBLOCKS_PER_ZONE, SMALLEST_MIN_FREE_KBYTES

DEFAULT_WATERMARK_SCALE_FACTOR = 10
_MOVABLE = 3


class Watermarks(NamedTuple):
    """One zone's marks, in pages."""

    min: int
    low: int
    high: int


_NO_MARKS = Watermarks(0, 0, 0)


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

    sizes: bytes of a page, pages of a pageblock. ZONE_MOVABLE, a node's last zone, does not count. Recorded on 5.10
    and 6.1: what counts is what a zone manages above its high mark; for the huge-page daemon that is the mark without
    it.
    """
    page_size, pageblock_nr_pages = sizes
    kbytes = page_size // 1024
    # Zones without memory have no marks and share nothing.
    kernel = [
        (pages, mark)
        for zone, (pages, mark) in enumerate(zip(managed, high, strict=True))
        if pages and zone % ZONES_PER_NODE != _MOVABLE
    ]
    lowmem = sum(max(0, pages - mark) for pages, mark in kernel)
    chosen = max(rule.user_kbytes, isqrt(16 * lowmem * kbytes))
    chosen = min(max(chosen, SMALLEST_MIN_FREE_KBYTES), max(LARGEST_MIN_FREE_KBYTES, rule.user_kbytes))
    if not rule.has_huge_pages:
        return chosen
    min_pages, shared = chosen // kbytes, _shared_pages(managed, movable_shares=movable_shares)
    lowmem = 0
    for pages, _ in kernel:
        # The zone's high mark, as zone_watermarks() has it.
        share = min_pages * pages // shared
        high_end = share + 2 * max(share // 4, pages * rule.scale_factor // 10000)
        lowmem += max(0, pages - high_end)
    wanted = min(PAGEBLOCKS_PER_ZONE * len(kernel) * pageblock_nr_pages, lowmem // 20)
    return max(chosen, wanted * kbytes)


def _shared_pages(managed: Sequence[int], *, movable_shares: bool) -> int:
    """Returns the pages of the zones that share the minimum."""
    return sum(managed) - (0 if movable_shares else sum(managed[_MOVABLE::ZONES_PER_NODE]))


def zone_watermarks(
    managed: Sequence[int], min_pages: int, scale_factor: int, *, movable_shares: bool
) -> list[Watermarks]:
    """Returns the watermarks of every zone, `min_pages` being shared among them by what they manage.

    movable_shares: ZONE_MOVABLE has its part; else only kernel zones do, and it keeps 1/1024 of its pages.
    """
    shared = _shared_pages(managed, movable_shares=movable_shares)
    marks = []
    for zone, pages in enumerate(managed):
        if not pages:
            marks.append(_NO_MARKS)
            continue
        low_end = share = min_pages * pages // shared if shared else 0
        if zone % ZONES_PER_NODE == _MOVABLE and not movable_shares:
            low_end = min(max(pages // 1024, 32), 128)
        step = max(share // 4, pages * scale_factor // 10000)
        marks.append(Watermarks(low_end, low_end + step, low_end + 2 * step))
    return marks
