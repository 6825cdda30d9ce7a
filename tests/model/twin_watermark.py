"""Watermarks and lowmem reserves in plain Python, beside the kernel that sets them (B-19)."""

from collections.abc import Sequence
from itertools import accumulate

from app.mm.kernels.layout import ZONES_PER_NODE
from app.mm.kernels.watermark import LOWMEM_RESERVE_RATIOS
from app.mm.watermark import MinFree, min_free_kbytes, zone_watermarks


def marks_and_reserves(
    managed: Sequence[int],
    high: Sequence[int],
    sizes: tuple[int, int],
    rule: MinFree,
    *,
    movable_shares: bool,
) -> list[tuple[int, ...]]:
    """Returns min, low, high and the four lowmem reserves of every zone; arguments as of min_free_kbytes()."""
    kbytes = min_free_kbytes(managed, high, sizes, rule, movable_shares=movable_shares)
    min_pages = kbytes * 1024 // sizes[0]
    marks = zone_watermarks(managed, min_pages, rule.scale_factor, movable_shares=movable_shares)
    return [(*mark, *kept) for mark, kept in zip(marks, lowmem_reserves(managed), strict=True)]


def lowmem_reserves(managed: Sequence[int]) -> list[list[int]]:
    """Returns reserve[zone][highest zone of the request, by ZoneId], in pages; nodes do not look at each other."""
    reserves = []
    for first in range(0, len(managed), ZONES_PER_NODE):
        pages = managed[first : first + ZONES_PER_NODE]
        for zone, ratio in enumerate(LOWMEM_RESERVE_RATIOS):
            above = accumulate(pages[zone + 1 :])
            kept = [total // ratio if pages[zone] else 0 for total in above]
            reserves.append([0] * (zone + 1) + kept)
    return reserves
