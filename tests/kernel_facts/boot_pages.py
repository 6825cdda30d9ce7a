"""Boot memory as a snapshot tells it: how many free entries of each order a zone has, but not where.

They are laid out so that no two of them are buddies of one order, which would merge:

    order 9    |used ...|free 512|          each entry is the upper half of a hole of twice its size,
    order 8    |used|256|                   and the lower half is the hole for smaller entries

Left out: the device's memory, whose pageblocks the snapshot tells one by one.
"""

from collections.abc import Sequence

Part = tuple[int, int]


class NoRoomError(Exception):
    """The free entries do not fit into the zone."""


def lay_out(
    start_pfn: int, end_pfn: int, counts: Sequence[int], *, nr_used: int = 0, used_order: int = 9
) -> tuple[list[Part], list[Part]]:
    """Returns [start, end) of each free entry of a zone, and of up to nr_used used blocks; both ascending.

    counts: entries by order; those of the largest may be neighbours. Raises NoRoomError.
    """
    largest = len(counts) - 1
    holes = _Holes(start_pfn, end_pfn, largest)
    free = []
    for order in range(largest, -1, -1):
        for _ in range(counts[order]):
            pfn = holes.take(order)
            free.append((pfn, pfn + (1 << order)))
    used = [(pfn, pfn + (1 << used_order)) for pfn in holes.rest(used_order)[:nr_used]]
    return sorted(free), used


class _Holes:
    """Aligned blocks of pages that hold no free entry yet, by order."""

    def __init__(self, start_pfn: int, end_pfn: int, largest: int) -> None:
        self._largest = largest
        # Blocks whose buddies are none: an entry may fill one.
        self._whole: list[list[int]] = [[] for _ in range(largest + 1)]
        # Blocks beside an entry of their own order: an entry may fill a half at most.
        self._halves: list[list[int]] = [[] for _ in range(largest + 1)]
        pfn = start_pfn
        while pfn < end_pfn:
            order = min((pfn & -pfn).bit_length() - 1 if pfn else largest, largest)
            order = min(order, (end_pfn - pfn).bit_length() - 1)
            self._whole[order].append(pfn)
            pfn += 1 << order

    def take(self, order: int) -> int:
        """Returns where an entry of `order` goes, small ones as low and in as small a hole as can be."""
        if self._whole[order]:
            return self._whole[order].pop()
        for size in range(order + 1, self._largest + 1):
            for holes in (self._halves[size], self._whole[size]):
                if holes:
                    return self._split(holes.pop(0), size, order)
        raise NoRoomError

    def _split(self, pfn: int, size: int, order: int) -> int:
        """Cuts an entry of `order` out of a hole: the upper halves are holes of their own, the last one is it."""
        for half in range(size - 1, order, -1):
            self._whole[half].append(pfn + (1 << half))
        self._halves[order].append(pfn)
        return pfn + (1 << order)

    def rest(self, order: int) -> list[int]:
        """Returns all blocks of `order` that are left in the holes, ascending."""
        return sorted(
            pfn
            for size in range(order, self._largest + 1)
            for hole in self._whole[size] + self._halves[size]
            for pfn in range(hole, hole + (1 << size), 1 << order)
        )
