"""The pieces that a driver has plugged, in the order in which it would take them back.

Mirrors the order of virtio_mem_sbm_unplug_request() of drivers/virtio/virtio_mem.c (semantics 8.5, D-9, D-10).
Left out: the order of tries inside a memory block, which the fallback levels decide (unplug.py).
"""

from collections.abc import Iterator
from typing import NamedTuple

from app.virtio_mem.driver.states import UNPLUG_OFFLINE, BlockState
from app.virtio_mem.driver.subblock_mode import SubblockMode


class Piece(NamedTuple):
    """The pages [start_pfn, end_pfn) of the smallest unit that a driver gives back."""

    start_pfn: int
    end_pfn: int


def plugged_pieces(sbm: SubblockMode) -> Iterator[Piece]:
    """Yields every plugged sub-block: offline memory first, then state by state, each from the top down."""
    blocks, size = sbm.blocks, sbm.unit_nr_pages
    for state in (BlockState.PLUGGED, *UNPLUG_OFFLINE, *sbm.orders.unplug_online):
        index = blocks.last_in(state, blocks.next_index)
        while index >= 0:
            bits, start_pfn = blocks.plugged[index], sbm.start_pfn(index)
            while bits:
                number = bits.bit_length() - 1
                bits ^= 1 << number
                yield Piece(start_pfn + number * size, start_pfn + (number + 1) * size)
            index = blocks.last_in(state, index)
