"""Watermarks and reserves, against the text's figures and what real guests printed."""

from collections.abc import Sequence

import pytest

from app.mm.kernels.watermark import LARGEST_MIN_FREE_KBYTES, SMALLEST_MIN_FREE_KBYTES
from app.mm.watermark import (
    MinFree,
    Watermarks,
    min_free_kbytes,
    zone_watermarks,
)
from app.units import GIB, KIB

PAGE = 4 * KIB
PAGEBLOCK = 512


def kbytes_of(managed: Sequence[int], rule: MinFree, high: Sequence[int] = (0, 0, 0, 0)) -> int:
    """Returns min_free_kbytes of zones on a machine of 4 KiB pages and 2 MiB pageblocks."""
    return min_free_kbytes(managed, high, (PAGE, PAGEBLOCK), rule, movable_shares=True)


def pages_of(size: int) -> int:
    """Returns how many pages a size has."""
    return size // PAGE


@pytest.mark.parametrize(("size", "kbytes"), [(4 * GIB, 8192), (8 * GIB, 11585), (16 * GIB, 16384)])
def test_min_free_kbytes_without_huge_pages_is_the_square_root(size: int, kbytes: int) -> None:
    """B-19: the square root of sixteen times lowmem in kB; ZONE_MOVABLE is no lowmem."""
    rule = MinFree(has_huge_pages=False)
    assert kbytes_of((0, 0, pages_of(size), pages_of(GIB)), rule) == kbytes


@pytest.mark.parametrize(
    ("managed", "kbytes"), [((3840, 348985, 156672, 0), 67584), ((0, 3840, 348985, 0), 45056)]
)
def test_min_free_kbytes_with_huge_pages_keeps_pageblocks(managed: tuple[int, ...], kbytes: int) -> None:
    """B-19: eleven pageblocks for each populated kernel zone; 67584 kB stood in the real guests' file."""
    assert kbytes_of(managed, MinFree()) == kbytes


def test_min_free_kbytes_of_small_memory_stays_within_a_twentieth() -> None:
    """Huge pages raise it to 5 per cent at most, of what lies above the high marks without them (B-19, recorded)."""
    assert kbytes_of((0, 0, 20_000, 0), MinFree()) == (20_000 - 424) // 20 * 4


@pytest.mark.parametrize(
    ("managed", "high", "pages"),
    [
        ((3977, 221794, 0, 0), (258, 14438, 0, 0), 11219),
        ((3977, 221794, 0, 262144), (147, 8218, 0, 0), 11244),
        ((3977, 221794, 0, 1048576), (52, 3000, 0, 0), 11257),
    ],
)
def test_min_free_kbytes_of_a_real_small_guest_counts_pages_above_high_marks(
    managed: tuple[int, ...], high: tuple[int, ...], pages: int
) -> None:
    """A guest of 1 GiB with 0, 1 and 4 GiB of ZONE_MOVABLE had these sums of min; high: the marks before."""
    assert kbytes_of(managed, MinFree(), high) == pages * 4


def test_min_free_kbytes_of_a_zone_below_its_high_mark_counts_nothing() -> None:
    """A zone that manages less than its mark has nothing above it."""
    rule = MinFree(has_huge_pages=False)
    assert kbytes_of((0, 100, 40_000, 0), rule, (0, 200, 0, 0)) == kbytes_of((0, 0, 40_000, 0), rule)


def test_min_free_kbytes_stays_between_its_bounds() -> None:
    """128 to 262144 kB, unless the owner asks for more."""
    rule = MinFree(has_huge_pages=False)
    assert kbytes_of((0, 0, 10, 0), rule) == SMALLEST_MIN_FREE_KBYTES
    assert kbytes_of((0, 0, 1 << 31, 0), rule) == LARGEST_MIN_FREE_KBYTES
    asked = MinFree(user_kbytes=300_000, has_huge_pages=False)
    assert kbytes_of((0, 0, 10, 0), asked) == 300_000


def test_min_free_kbytes_asked_below_the_computed_is_ignored() -> None:
    """The owner's number is taken when it is the larger one."""
    asked = MinFree(user_kbytes=200, has_huge_pages=False)
    assert kbytes_of((0, 0, pages_of(4 * GIB), 0), asked) == 8192


def test_zone_watermarks_share_min_pages_by_what_zones_manage() -> None:
    """B-19: low and high are a quarter of min above each other, or a thousandth of the zone if that is more."""
    marks = zone_watermarks((0, 1000, 3000, 0), 400, 10, movable_shares=False)
    assert marks == [
        Watermarks(0, 0, 0),
        Watermarks(100, 125, 150),
        Watermarks(300, 375, 450),
        Watermarks(0, 0, 0),
    ]
    (*_, normal, _) = zone_watermarks((0, 0, 1_000_000, 0), 100, 10, movable_shares=False)
    assert normal == Watermarks(100, 1100, 2100)


@pytest.mark.parametrize(("pages", "lowest"), [(1000, 32), (100_000, 97), (1_000_000, 128)])
def test_zone_watermarks_of_movable_keep_a_thousandth(pages: int, lowest: int) -> None:
    """B-19: 1/1024 of ZONE_MOVABLE, 32 to 128 pages, where only kernel zones share."""
    marks = zone_watermarks((0, 0, 1000, pages), 400, 10, movable_shares=False)
    assert marks[2].min == 400
    assert marks[3].min == lowest


def test_zone_watermarks_of_movable_may_share_too() -> None:
    """Where ZONE_MOVABLE has its part, all parts are of the whole."""
    marks = zone_watermarks((0, 0, 1000, 3000), 400, 10, movable_shares=True)
    assert [mark.min for mark in marks] == [0, 0, 100, 300]


def test_zone_watermarks_of_no_memory_are_zero() -> None:
    """Nothing to share, nobody to share with."""
    assert set(zone_watermarks((0, 0, 0, 0), 32, 10, movable_shares=False)) == {Watermarks(0, 0, 0)}
