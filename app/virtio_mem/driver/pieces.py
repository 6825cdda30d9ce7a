"""The pieces that a driver has plugged, in the order in which it would take them back.

Mirrors the orders of virtio_mem_sbm_unplug_request() and virtio_mem_bbm_unplug_request() of
drivers/virtio/virtio_mem.c (semantics 8.5, 8.9, D-9, D-10).
Left out: the order of tries inside a memory block, which the fallback levels decide (unplug.py).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.mm.zone import ZoneId
from app.virtio_mem.driver.bigblock_mode import BigBlockMode
from app.virtio_mem.driver.states import UNPLUG_OFFLINE, BlockState
from app.virtio_mem.driver.subblock_mode import SubblockMode


class Piece(NamedTuple):
    """The pages [start_pfn, end_pfn) of the least that a driver gives back."""

    start_pfn: int
    end_pfn: int


def plugged_pieces(book: SubblockMode | BigBlockMode) -> Iterator[Piece]:
    """Yields every plugged unit: what Linux does not have, then offline, then online memory, each from the top down."""
    size = book.unit_nr_pages
    for index in _big_blocks(book) if isinstance(book, BigBlockMode) else _memory_blocks(book):
        bits, start_pfn = book.blocks.plugged[index], book.start_pfn(index)
        while bits:
            number = bits.bit_length() - 1
            bits ^= 1 << number
            yield Piece(start_pfn + number * size, start_pfn + (number + 1) * size)


def pieces_of_runs(runs: Sequence[tuple[int, int]], nr_pages: int) -> Iterator[Piece]:
    """Yields runs of pages that no driver knows, [start, end) ascending, in pieces, from the top down."""
    for start_pfn, end_pfn in reversed(runs):
        for end in range(end_pfn, start_pfn, -nr_pages):
            yield Piece(max(start_pfn, end - nr_pages), end)


def _memory_blocks(book: SubblockMode) -> Iterator[int]:
    """Yields the memory blocks state by state."""
    for state in (BlockState.PLUGGED, *UNPLUG_OFFLINE, *book.orders.unplug_online):
        yield from _descending(book, state)


def _big_blocks(book: BigBlockMode) -> Iterator[int]:
    """Yields the big blocks: those that are offline, then those in ZONE_MOVABLE, then all others."""
    yield from _descending(book, BlockState.PLUGGED)
    added = [*_descending(book, BlockState.FAKE_OFFLINE), *_descending(book, BlockState.ADDED)]
    yield from sorted(added, key=lambda index: _pass_of(book.zones(index)))


def _pass_of(zones: set[ZoneId | None]) -> int:
    """Returns the pass of an unplug that takes a big block with memory in these zones, from 0 on."""
    if zones == {None}:
        return 0
    return 1 if zones <= {None, ZoneId.MOVABLE} else 2


def _descending(book: SubblockMode | BigBlockMode, state: BlockState) -> Iterator[int]:
    index = book.blocks.last_in(state, book.blocks.next_index)
    while index >= 0:
        yield index
        index = book.blocks.last_in(state, index)
