"""Watermarks and reserves, against the text's figures and what real guests printed."""

from collections.abc import Sequence

import pytest

from app.mm.watermark import (
    LARGEST_MIN_FREE_KBYTES,
    SMALLEST_MIN_FREE_KBYTES,
    MinFree,
    Watermarks,
    lowmem_reserves,
    marks_and_reserves,
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


def test_lowmem_reserves_are_the_real_guest_s() -> None:
    """What a guest with these pages printed as protection: 1/256 of what lies above, for each lower zone."""
    reserves = lowmem_reserves((3840, 348985, 175680, 0))
    assert reserves[0] == [0, 1363, 2049, 2049]
    assert reserves[1] == [0, 0, 686, 686]
    assert reserves[2] == reserves[3] == [0, 0, 0, 0]


def test_lowmem_reserves_against_movable_are_larger() -> None:
    """Normal keeps 1/32 of ZONE_MOVABLE from requests that could have gone there; an empty zone keeps nothing."""
    assert lowmem_reserves((0, 0, 1000, 3200)) == [[0] * 4, [0] * 4, [0, 0, 0, 100], [0] * 4]


def test_marks_and_reserves_of_two_nodes_share_one_minimum() -> None:
    """B-19: min_free_kbytes is of all nodes, four pageblock groups for four zones; reserves are each node's own."""
    managed = (0, 1_000_000, 2_000_000, 500_000, 0, 0, 3_000_000, 640_000)
    rows = marks_and_reserves(managed, (0,) * 8, (4096, 512), MinFree(), movable_shares=False)
    assert sum(row[0] for zone, row in enumerate(rows) if zone % 4 != 3) in range(
        11 * 3 * 512 - 3, 11 * 3 * 512 + 1
    )
    assert rows[6][0] == rows[1][0] * 3
    assert (rows[3][0], rows[7][0]) == (128, 128)
    assert [row[3:] for row in rows] == [
        (0, 0, 0, 0),
        (0, 0, 2_000_000 // 256, 2_500_000 // 256),
        (0, 0, 0, 500_000 // 32),
        (0, 0, 0, 0),
        (0, 0, 0, 0),
        (0, 0, 0, 0),
        (0, 0, 0, 640_000 // 32),
        (0, 0, 0, 0),
    ]


def test_marks_and_reserves_of_one_node_are_those_of_its_parts() -> None:
    """One call says what the three functions say."""
    managed, high = (3977, 221794, 0, 262144), (147, 8218, 0, 0)
    kbytes = min_free_kbytes(managed, high, (4096, 512), MinFree(), movable_shares=False)
    marks = zone_watermarks(managed, kbytes // 4, 10, movable_shares=False)
    expected = [(*mark, *kept) for mark, kept in zip(marks, lowmem_reserves(managed), strict=True)]
    assert marks_and_reserves(managed, high, (4096, 512), MinFree(), movable_shares=False) == expected
