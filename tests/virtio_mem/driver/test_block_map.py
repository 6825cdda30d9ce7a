"""The driver's book: counts, searches by state, and runs of bits against a list of booleans."""

from hypothesis import given
from hypothesis import strategies as st

from app.virtio_mem.driver.block_map import BlockMap
from app.virtio_mem.driver.states import BlockState


def make_map(*bits: int, per_block: int = 8) -> BlockMap:
    """A map of 16 memory blocks, the first of which have the given bits."""
    blocks = BlockMap(16, per_block)
    for plugged in bits:
        blocks.plugged[blocks.claim_next()] = plugged
    return blocks


def test_new_map_has_used_no_memory_block() -> None:
    """Nothing is counted before it is claimed (D-1)."""
    blocks = make_map()
    assert (blocks.next_index, sum(blocks.counts), blocks.nr_blocks) == (0, 0, 16)
    assert blocks.first_in(BlockState.UNUSED, 0) == -1


def test_claim_counts_memory_blocks_as_unused() -> None:
    """Claimed memory blocks are UNUSED until told otherwise, lowest first."""
    blocks = make_map(0, 0)
    blocks.claim_up_to(4)
    assert blocks.next_index == 5
    assert blocks.counts[BlockState.UNUSED] == 5
    assert len(blocks.plugged) == 5


def test_set_state_moves_the_count() -> None:
    """INV-20: one state loses what the other wins."""
    blocks = make_map(1, 2, 3)
    blocks.set_state(1, BlockState.KERNEL)
    blocks.set_state(1, BlockState.KERNEL_PARTIAL)
    assert blocks.counts[BlockState.UNUSED] == 2
    assert blocks.counts[BlockState.KERNEL] == 0
    assert blocks.counts[BlockState.KERNEL_PARTIAL] == 1


def test_search_by_state_goes_up_and_down() -> None:
    """first_in is inclusive from below, last_in exclusive from above; -1 when there is none."""
    blocks = make_map(1, 1, 1, 1)
    for index in (1, 3):
        blocks.set_state(index, BlockState.MOVABLE)
    assert [blocks.first_in(BlockState.MOVABLE, start) for start in range(5)] == [1, 1, 3, 3, -1]
    assert [blocks.last_in(BlockState.MOVABLE, end) for end in range(5)] == [-1, -1, 1, 1, 3]
    assert blocks.last_in(BlockState.KERNEL, 4) == -1


def test_search_for_unused_stops_at_what_was_never_used() -> None:
    """Bytes beyond next_index are zero, which must not read as UNUSED."""
    blocks = make_map(1, 1)
    blocks.set_state(0, BlockState.KERNEL)
    assert blocks.first_in(BlockState.UNUSED, 0) == 1
    assert blocks.first_in(BlockState.UNUSED, 2) == -1


@given(bits=st.integers(0, 255), limit=st.integers(1, 9))
def test_runs_agree_with_a_list_of_booleans(bits: int, limit: int) -> None:
    """The lowest unplugged and the highest plugged run, as a loop over the sub-blocks finds them."""
    blocks = make_map(bits)
    plugged = [bool(bits >> number & 1) for number in range(8)]

    lowest = next((number for number in range(8) if not plugged[number]), None)
    first, count = blocks.unplugged_run(0, limit)
    expected = list(range(first, first + count))
    assert (count == 0) is (lowest is None)
    if lowest is not None:
        assert first == lowest
        assert not any(plugged[number] for number in expected)
        assert count == limit or first + count == 8 or plugged[first + count]

    highest = next((number for number in reversed(range(8)) if plugged[number]), None)
    first, count = blocks.highest_plugged_run(0, limit)
    assert (count == 0) is (highest is None)
    if highest is not None:
        assert first + count - 1 == highest
        assert all(plugged[number] for number in range(first, first + count))
        assert count == limit or first == 0 or not plugged[first - 1]


@given(bits=st.lists(st.integers(0, 255), max_size=8))
def test_counts_of_bits_agree_with_their_sum(bits: list[int]) -> None:
    """nr_plugged adds up all memory blocks; is_full wants every bit."""
    blocks = make_map(*bits)
    assert blocks.nr_plugged() == sum(plugged.bit_count() for plugged in bits)
    assert [blocks.is_full(index) for index in range(len(bits))] == [plugged == 255 for plugged in bits]
