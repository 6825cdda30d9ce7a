"""Taken ranges: found when held as a whole, and given back in parts."""

import pytest

from app.errors import InvalidValue, RangeUnavailable
from app.guest.contig_ranges import TakenRange, TakenRanges, require_range
from tests.model.pictures import parse


def held(*rows: tuple[int, int, int]) -> TakenRanges:
    """Returns a table with these ranges."""
    ranges = TakenRanges()
    for row in rows:
        ranges.add(TakenRange(*row))
    return ranges


def test_find_returns_range_that_holds_all() -> None:
    """A part is found in the range that holds it; what is not held as a whole is not."""
    ranges = held((0, 8, 1), (8, 16, 2))
    assert ranges.find(9, 12).owner == 2
    for start_pfn, end_pfn in ((4, 12), (16, 20), (0, 9)):
        with pytest.raises(RangeUnavailable, match="alloc-contig-range"):
            ranges.find(start_pfn, end_pfn)


def test_remove_middle_leaves_both_ends() -> None:
    """What lies before and behind a freed part stays taken, with its owner."""
    ranges = held((0, 16, 3))
    ranges.remove(ranges.find(4, 8), 4, 8)
    assert list(ranges) == [TakenRange(0, 4, 3), TakenRange(8, 16, 3)]
    ranges.remove(ranges.find(0, 4), 0, 4)
    ranges.remove(ranges.find(8, 16), 8, 16)
    assert list(ranges) == []


def test_fork_keeps_what_the_original_gives_back() -> None:
    """A copy holds the same ranges, apart from the original's."""
    ranges = held((0, 16, 3))
    copy = ranges.fork()
    ranges.remove(ranges.find(0, 16), 0, 16)
    assert list(copy) == [TakenRange(0, 16, 3)]


@pytest.mark.parametrize(
    ("start_pfn", "end_pfn", "field"),
    [
        (-1, 4, "start_pfn"),
        (32, 33, "start_pfn"),
        (4, 4, "end_pfn"),
        (4, 33, "end_pfn"),
        (4, 20, "start_pfn"),
    ],
)
def test_range_is_online_memory_of_one_zone(start_pfn: int, end_pfn: int, field: str) -> None:
    """Outside, reversed and empty ranges, and those over a hole, are refused by the field."""
    node = parse("|........|........|        |        |")
    require_range(node, 0, 16)
    with pytest.raises(InvalidValue) as caught:
        require_range(node, start_pfn, end_pfn)
    assert caught.value.members["field"] == field
