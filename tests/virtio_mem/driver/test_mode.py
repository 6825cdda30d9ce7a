"""What both modes share: where blocks and units lie, in sub-blocks and in big blocks."""

import pytest

from app.units import MIB
from app.virtio_mem.driver.options import ModuleParameters
from tests.virtio_mem.board import TOY, Board, Machine, build

# Big blocks of two memory blocks of 8 MiB each; the region begins with the ninth of all memory blocks.
BIG = TOY._replace(parameters=ModuleParameters(force_bbm=True, bbm_block_size=16 * MIB))


@pytest.mark.parametrize(
    ("board", "sizes"),
    [(build(TOY), (8 * MIB, 1 * MIB, 8, 8)), (build(BIG), (16 * MIB, 16 * MIB, 4, 4))],
    ids=["sub-block", "big block"],
)
def test_blocks_fill_the_region(board: Board, sizes: tuple[int, int, int, int]) -> None:
    """Block, unit, the first block's number, and how many there are."""
    book = board.driver.book
    assert (book.block_size, book.unit_size, book.first_block, book.blocks.nr_blocks) == sizes
    assert book.address(0, 0) == 64 * MIB
    assert book.pfns(1) == (board.pfn(book.block_size), board.pfn(2 * book.block_size))


def test_memory_blocks_of_a_big_block_are_its_own() -> None:
    """Each memory block of the region belongs to one big block; those around it to none."""
    driver = build(BIG).driver
    book = driver.book
    assert [list(book.memory_blocks(index)) for index in (0, 3)] == [[8, 9], [14, 15]]
    assert [book.position_of(number) for number in (8, 9, 10, 15)] == [0, 0, 1, 3]
    assert [driver.owns(number) for number in (7, 8, 15, 16)] == [False, True, True, False]


def test_index_is_that_of_a_block_that_was_used() -> None:
    """A block that was never claimed has no state."""
    board = build(BIG)
    assert board.driver.book.index_of(8) == -1
    board.resize(32 * MIB)
    assert [board.driver.book.index_of(number) for number in (7, 8, 11, 12)] == [-1, 0, 1, -1]


def test_edges_that_are_no_whole_big_block_are_lost() -> None:
    """G-9: a region of three and a half big blocks, the first half of one, holds two or three."""
    shifted = BIG._replace(boot_size=72 * MIB, region_size=56 * MIB)
    board = build(shifted)
    assert (board.driver.book.address(0, 0), board.driver.book.blocks.nr_blocks) == (80 * MIB, 3)
    assert board.resize(56 * MIB).size == 48 * MIB


@pytest.mark.parametrize("machine", [TOY, BIG])
def test_book_knows_what_is_plugged_and_whether_linux_has_memory_of_it(machine: Machine) -> None:
    """By address, also outside of what was ever used."""
    board = build(machine)
    book = board.driver.book
    added = [book.has_memory_added]
    board.resize(16 * MIB)
    added.append(book.has_memory_added)
    places = (0, 63 * MIB, 64 * MIB, 79 * MIB, 80 * MIB)
    assert [book.is_plugged(place) for place in places] == [False, False, True, True, False]
    board.resize(0)
    added.append(book.has_memory_added)
    assert added == [False, True, False]


def test_limit_of_offline_memory_is_two_big_blocks_at_least() -> None:
    """D-6: 1 GiB, or two blocks where these are larger."""
    large = BIG._replace(
        region_size=4096 * MIB, parameters=ModuleParameters(force_bbm=True, bbm_block_size=1024 * MIB)
    )
    assert build(large).driver.book.offline_threshold == 2048 * MIB
    assert build(BIG).driver.book.offline_threshold == 1024 * MIB
