"""Page ranges that callers took with alloc_contig_range, until they give them back.

Kept here: INV-23, a page is in one taken range at most, and only what was taken is given back.
Left out: taking and freeing (app.mm.contig).
"""

from collections.abc import Iterator
from typing import NamedTuple

from app.errors import InvalidValue, RangeUnavailable
from app.mm.node import Node


class TakenRange(NamedTuple):
    """Pages [start_pfn, end_pfn) with their owner; since_ns: when they were taken, by the guest's clock."""

    start_pfn: int
    end_pfn: int
    owner: int
    since_ns: int = 0


class TakenRanges:
    """The ranges taken now, by first page."""

    def __init__(self) -> None:
        """Starts with none."""
        self._rows: dict[int, TakenRange] = {}

    def fork(self) -> "TakenRanges":
        """Returns an independent copy."""
        copy = TakenRanges()
        copy._rows = dict(self._rows)
        return copy

    def __iter__(self) -> Iterator[TakenRange]:
        """Yields the ranges, ascending."""
        return iter(sorted(self._rows.values()))

    def add(self, taken: TakenRange) -> None:
        """Remembers a range that was taken."""
        self._rows[taken.start_pfn] = taken

    def clear(self) -> None:
        """Forgets every range: their memory is gone."""
        self._rows.clear()

    def find(self, start_pfn: int, end_pfn: int) -> TakenRange:
        """Returns the taken range that holds [start_pfn, end_pfn).

        Raises RangeUnavailable when none does.
        """
        for row in self._rows.values():
            if row.start_pfn <= start_pfn < end_pfn <= row.end_pfn:
                return row
        detail = f"no call to alloc-contig-range has taken all of [{start_pfn}, {end_pfn})"
        raise RangeUnavailable(detail, start_pfn=start_pfn, end_pfn=end_pfn)

    def remove(self, taken: TakenRange, start_pfn: int, end_pfn: int) -> None:
        """Forgets [start_pfn, end_pfn) of a range; what lies before and behind stays taken."""
        del self._rows[taken.start_pfn]
        for start, end in ((taken.start_pfn, start_pfn), (end_pfn, taken.end_pfn)):
            if start < end:
                self.add(taken._replace(start_pfn=start, end_pfn=end))


def require_range(node: Node, start_pfn: int, end_pfn: int) -> None:
    """Raises InvalidValue unless [start_pfn, end_pfn) is online, all in one zone."""
    nr_pages = node.nr_pages
    if not 0 <= start_pfn < nr_pages:
        raise InvalidValue("start_pfn", start_pfn, f"0 to {nr_pages - 1}")
    if not start_pfn < end_pfn <= nr_pages:
        raise InvalidValue("end_pfn", end_pfn, f"{start_pfn + 1} to {nr_pages}")
    if not node.is_one_zone(start_pfn, end_pfn):
        raise InvalidValue("start_pfn", start_pfn, f"a range to {end_pfn} that is online, all in one zone")
