"""The rules about what flags do not tell, one by one, on hand-made counts of pageblocks."""

import numpy as np
import pytest
from numpy.typing import NDArray

from app.guest.capture.guess import (
    PageblockCensus,
    PerCpuAssumption,
    find_unplugged,
    guess_memmaps,
    guess_per_cpu,
    guess_types,
    guess_unmanaged,
)
from app.mm.page import Migratetype

SIZE = 8  # pages to a pageblock
AUTO = PerCpuAssumption.AUTO


def census(unmarked: str, **columns: str) -> PageblockCensus:
    """Returns a census by digits, one a pageblock: unmarked pages, and others by name; all in one run each."""
    counts = {name: _digits(columns.get(name, "0" * len(unmarked))) for name in _COLUMNS}
    counts["unmarked"] = _digits(unmarked)
    if "unmarked_runs" not in columns:
        counts["unmarked_runs"] = (counts["unmarked"] > 0).astype(np.int64)
    return PageblockCensus(pageblock_nr_pages=SIZE, **counts)


_COLUMNS = ("unmarked_runs", "kernel", "reserved", "offline", "absent")


def _digits(text: str) -> NDArray[np.int64]:
    return np.array([int(digit) for digit in text], np.int64)


def _ints(pageblocks: NDArray[np.int64]) -> list[int]:
    return [int(pageblock) for pageblock in pageblocks]


def every(counted: PageblockCensus) -> NDArray[np.bool_]:
    """Returns a mask of all pageblocks."""
    return np.ones(len(counted.unmarked), np.bool_)


def per_cpu(counted: PageblockCensus, nr_pcp: int, assumption: PerCpuAssumption = AUTO) -> list[int]:
    """Returns the pageblocks of per-cpu pages when all may be such."""
    return _ints(guess_per_cpu(counted, every(counted), nr_pcp, assumption=assumption))


def test_per_cpu_pages_are_all_unmarked_ones_that_zoneinfo_has_room_for() -> None:
    """Up to the counted pages, every pageblock without kernel pages is taken."""
    assert per_cpu(census("03020"), 5) == [1, 3]
    assert per_cpu(census("03020"), 500) == [1, 3]


@pytest.mark.parametrize("column", ["kernel", "reserved"])
def test_per_cpu_pages_are_not_sought_among_the_kernels(column: str) -> None:
    """Where slab, page tables or reserved pages are, unmarked ones are the kernel's as well."""
    assert per_cpu(census("33", **{column: "10"}), 500) == [1]


def test_per_cpu_pages_lie_only_where_they_may() -> None:
    """Pageblocks of other zones and memmaps are left out."""
    counted = census("333")
    assert guess_per_cpu(counted, np.array([True, False, True]), 500, assumption=AUTO).tolist() == [0, 2]


def test_per_cpu_pages_in_runs_come_first_when_there_are_too_many() -> None:
    """Lists are filled in batches: single unmarked pages here and there are the kernel's."""
    counted = census("4432", unmarked_runs="4112")
    assert per_cpu(counted, 7) == [1, 2]
    assert per_cpu(counted, 3) == [2]


def test_per_cpu_pages_never_exceed_the_count() -> None:
    """A pageblock with more unmarked pages than were counted holds others as well: it is left alone."""
    assert per_cpu(census("71"), 3) == [1]
    assert per_cpu(census("5"), 0) == []


def test_per_cpu_lists_may_hold_whole_pageblocks() -> None:
    """From 5.14 on, a process that ends leaves pageblocks full of them, if the count has room."""
    assert per_cpu(census("0388850"), 32) == [1, 2, 3, 4, 5]
    assert per_cpu(census("0388850"), 8) == [1, 5]


def test_per_cpu_pageblocks_beside_partly_filled_ones_go_first() -> None:
    """A stretch of freed memory ends inside pageblocks; a stretch that does not is the kernel's."""
    assert per_cpu(census("0880088300"), 3 + 16) == [5, 6, 7]


def test_per_cpu_stretches_stand_or_fall_together() -> None:
    """With room for one pageblock of three, none is taken."""
    assert per_cpu(census("08880"), 8) == []


def test_per_cpu_assumptions_overrule_the_count() -> None:
    """`none` takes no page, `all` every one that is not among the kernel's."""
    counted = census("388", kernel="010")
    assert per_cpu(counted, 500, PerCpuAssumption.NONE) == []
    assert per_cpu(counted, 0, PerCpuAssumption.ALL) == [0, 2]


def memmaps(
    unmarked: str, block_ids: list[int], nr_pageblocks: int = 1, *, nr_early: int = 1
) -> dict[int, list[int]]:
    """Returns the memmaps when a device's region begins at pageblock 4."""
    full = _digits(unmarked) == SIZE
    return guess_memmaps(full, block_ids, nr_pageblocks, region=(4, len(unmarked)), nr_early=nr_early)


def test_memmaps_of_later_blocks_lie_in_earlier_ones() -> None:
    """The first block's memmap came from boot memory, that of the others from the region, lowest first."""
    assert memmaps("08000888", [10, 11, 12]) == {10: [1], 11: [5], 12: [6]}


def test_memmaps_of_movable_memory_lie_in_boot_memory() -> None:
    """Where the kernel may not use the device's memory, all memmaps came from elsewhere."""
    assert memmaps("88000888", [10, 11, 12], nr_early=3) == {10: [0], 11: [1]}


def test_memmaps_of_a_first_big_block_lie_in_boot_memory() -> None:
    """Its memory blocks are added at once, before any of them is online: recorded on 6.1."""
    assert memmaps("88000888", [10, 11, 12, 13], nr_early=2) == {10: [0], 11: [1], 12: [5], 13: [6]}


def test_memmaps_of_large_memory_blocks_take_several_pageblocks() -> None:
    """A memory block of 1 GiB has 16 MiB of memmap; what is left over is no memmap."""
    assert memmaps("88808888", [10, 11], 2) == {10: [0, 1], 11: [4, 5]}


def test_memmaps_are_as_many_as_pageblocks_can_be_told() -> None:
    """Without wholly unmarked pageblocks there is nothing to tell."""
    assert memmaps("70000777", [10, 11]) == {}


def unmanaged(counted: PageblockCensus, nr_managed: int) -> list[int]:
    """Returns the pageblocks that the buddy was never given, when all are of one zone."""
    return _ints(guess_unmanaged(counted, every(counted), nr_managed))


def test_unmanaged_pages_are_the_longest_unmarked_stretches() -> None:
    """Of six wholly unmarked pageblocks, four were never managed: those that lie together."""
    assert unmanaged(census("0808888080"), 6 * SIZE) == [3, 4, 5, 6]


def test_unmanaged_pages_need_a_whole_pageblock_of_surplus() -> None:
    """Small differences are no memory that was left out."""
    assert unmanaged(census("0888"), 4 * SIZE) == []
    assert unmanaged(census("0888"), 3 * SIZE + 1) == []
    assert unmanaged(census("0888"), 5 * SIZE) == []


def test_unmanaged_pages_are_counted_without_those_told_otherwise() -> None:
    """Reserved, offline and absent pages are not managed, and are no surplus."""
    assert unmanaged(census("8000", reserved="0800", offline="0080", absent="0008"), SIZE) == []


def test_unplugged_memory_is_whole_subblocks() -> None:
    """Of four pageblocks to a memory block, two to a sub-block: only what is offline as a whole was unplugged."""
    counted = census("00000000", offline="88808088")
    found = find_unplugged(counted, [0, 1], per_memory_block=4, per_subblock=2)
    assert found.tolist() == [0, 1, 6, 7]
    assert find_unplugged(counted, [1], per_memory_block=4, per_subblock=1).tolist() == [4, 6, 7]
    assert find_unplugged(counted, [], per_memory_block=4, per_subblock=1).tolist() == []


def test_unplugged_memory_ends_with_the_capture() -> None:
    """A memory block that lies behind the pages that were read has none."""
    assert find_unplugged(
        census("00", offline="88"), [0, 1, 9], per_memory_block=4, per_subblock=2
    ).tolist() == [0, 1]


def types_of(counted: PageblockCensus, counts: dict[str, int]) -> tuple[list[Migratetype], int]:
    """Returns the guessed types, and how many pageblocks could not be placed."""
    types = np.full(len(counted.unmarked), Migratetype.MOVABLE, np.uint8)
    unplaced = guess_types(counted, every(counted), counts, types)
    return [Migratetype(int(kind)) for kind in types], unplaced


def test_unmovable_types_go_to_most_kernel_pages() -> None:
    """As many pageblocks as pagetypeinfo counts, those with most kernel pages first."""
    types, unplaced = types_of(census("0070", kernel="2000"), {"Unmovable": 2, "Movable": 2})
    assert types == [Migratetype.UNMOVABLE, Migratetype.MOVABLE, Migratetype.UNMOVABLE, Migratetype.MOVABLE]
    assert unplaced == 0


def test_unmovable_types_spread_to_the_other_half_of_a_chunk() -> None:
    """A claim takes a whole free chunk: what is left of the count goes to the neighbour in it."""
    types, unplaced = types_of(census("000000", kernel="000700"), {"Unmovable": 2})
    assert [index for index, kind in enumerate(types) if kind is Migratetype.UNMOVABLE] == [2, 3]
    assert unplaced == 0


def test_reclaimable_types_go_to_pageblocks_of_slab_only() -> None:
    """The kernel's other pages are not reclaimable: they make a pageblock unmovable."""
    types, _ = types_of(census("70", kernel="18"), {"Unmovable": 1, "Reclaimable": 1})
    assert types == [Migratetype.UNMOVABLE, Migratetype.RECLAIMABLE]


def test_types_without_a_place_are_counted() -> None:
    """Pageblocks of the kernel's types that hold nothing cannot be found again."""
    types, unplaced = types_of(census("0000", kernel="0000"), {"Unmovable": 3, "Movable": 1})
    assert set(types) == {Migratetype.MOVABLE}
    assert unplaced == 3


def test_types_that_are_not_guessed_count_as_unplaced() -> None:
    """Which pageblocks are CMA's or an atomic reserve cannot be told."""
    assert types_of(census("0000"), {"Movable": 1, "CMA": 2, "HighAtomic": 1})[1] == 3


def test_types_of_other_zones_are_left_alone() -> None:
    """Only the zone's own pageblocks change."""
    types = np.full(2, Migratetype.RECLAIMABLE, np.uint8)
    guess_types(census("88"), np.array([True, False]), {"Unmovable": 1}, types)
    assert types.tolist() == [Migratetype.UNMOVABLE, Migratetype.RECLAIMABLE]
    assert guess_types(census("88"), np.array([False, False]), {"Unmovable": 2}, types) == 2
