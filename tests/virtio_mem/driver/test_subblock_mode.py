"""Sub-block mode: where memory blocks and sub-blocks lie, and how bits follow the device."""

import pytest

from app.mm.zone import ZoneId
from app.units import GIB, MIB
from app.virtio_mem.driver.states import BlockState
from tests.virtio_mem.board import TOY, Machine, build
from tests.virtio_mem.interfering import BusyHost


def test_addresses_follow_memory_blocks_and_subblocks() -> None:
    """Index 0 is the region's first whole memory block."""
    sbm = build(TOY).sbm
    assert (sbm.first_block, sbm.blocks.nr_blocks) == (8, 8)
    assert sbm.address(2, 3) == 64 * MIB + 16 * MIB + 3 * MIB
    assert sbm.start_pfn(2) == 80 * MIB // sbm.node.geometry.page_size


@pytest.mark.parametrize(
    ("boot_size", "region_size", "first", "count"),
    [(1 * GIB, 1 * GIB, 8, 8), (1 * GIB, 1 * GIB + 64 * MIB, 8, 8), (1 * GIB, 64 * MIB, 8, 0)],
)
def test_edges_that_are_no_whole_memory_block_are_lost(
    boot_size: int, region_size: int, first: int, count: int
) -> None:
    """G-9: the last usable id rounds down; a region below one memory block has none."""
    sbm = build(Machine(boot_size=boot_size, region_size=region_size)).sbm
    assert (sbm.first_block, sbm.blocks.nr_blocks) == (first, count)


def test_region_without_a_whole_memory_block_cannot_be_plugged() -> None:
    """G-9: the device accepts the target, and the driver has nowhere to plug: ENOSPC."""
    outcome = build(Machine(region_size=64 * MIB)).resize(64 * MIB)
    assert (outcome.size, outcome.result) == (0, "ENOSPC")


def test_offline_ranges_are_the_holes_of_the_bits() -> None:
    """Ascending runs of pages of unplugged sub-blocks."""
    sbm = build(TOY).sbm
    index = sbm.blocks.claim_next()
    sbm.blocks.plugged[index] = 0b0100_1100
    start, unit = sbm.start_pfn(index), sbm.unit_nr_pages
    expected = [(0, 2), (4, 6), (7, 8)]
    assert sbm.offline_ranges(index) == [(start + a * unit, start + b * unit) for a, b in expected]
    sbm.blocks.plugged[index] = sbm.blocks.full_mask
    assert sbm.offline_ranges(index) == []


def test_bits_change_only_with_an_acknowledgement() -> None:
    """INV-18: a refused request leaves the book alone."""
    board = build(TOY)
    sbm = board.sbm
    board.device.set_requested_size(8 * MIB)
    sbm.queue.refresh()
    index = sbm.blocks.claim_next()
    assert sbm.plug(index, first=2, count=3) == "0"
    assert sbm.blocks.plugged[index] == 0b11100
    board.device.interference = BusyHost(2)
    assert sbm.plug(index, first=0, count=1) == sbm.unplug(index, first=2, count=1) == "ETXTBSY"
    assert sbm.blocks.plugged[index] == 0b11100
    assert sbm.unplug(index, first=3, count=1) == "0"
    assert sbm.blocks.plugged[index] == 0b10100
    assert (sbm.tally.plugged_bytes, sbm.tally.unplugged_bytes) == (3 * MIB, 1 * MIB)


def test_settle_state_reads_fullness_from_the_bits() -> None:
    """INV-19: full or partial, in the zone or offline."""
    sbm = build(TOY).sbm
    index = sbm.blocks.claim_next()
    sbm.blocks.plugged[index] = 1
    sbm.settle_state(index, ZoneId.MOVABLE)
    assert sbm.blocks.states[index] == BlockState.MOVABLE_PARTIAL
    sbm.blocks.plugged[index] = sbm.blocks.full_mask
    sbm.settle_state(index, None)
    assert sbm.blocks.states[index] == BlockState.OFFLINE
