"""The states of a driver's blocks, and a bit for each of their units: sub-blocks, or the big block itself.

Mirrors struct virtio_mem's sbm and bbm parts of drivers/virtio/virtio_mem.c (semantics 8.1, D-1).
Invariants kept here: INV-20 (counts per state). A block's bits are one Python integer, bit n for unit n, so that
whole blocks cost one comparison.
Left out: what the bits mean to Linux and to the device (plug.py, unplug.py).
"""

from app.virtio_mem.driver.states import BlockState

_NR_STATES = len(BlockState)


class BlockMap:
    """States and bits of the blocks of one device, by index from its first whole one."""

    def __init__(self, nr_blocks: int, units_per_block: int) -> None:
        """Starts with every block unused, and none ever used."""
        self.units_per_block = units_per_block
        self.full_mask = (1 << units_per_block) - 1
        # One byte a block.
        self.states = bytearray(nr_blocks)
        # Blocks from here on were never used; those below are reused when UNUSED (D-1).
        self.next_index = 0
        # Bits of plugged units, for the indexes below next_index.
        self.plugged: list[int] = []
        self.counts = [0] * _NR_STATES

    @property
    def nr_blocks(self) -> int:
        """How many whole blocks the region holds."""
        return len(self.states)

    def claim_next(self) -> int:
        """Returns the lowest index never used before, which counts as UNUSED from now on."""
        index = self.next_index
        self.next_index = index + 1
        self.plugged.append(0)
        self.counts[BlockState.UNUSED] += 1
        return index

    def claim_up_to(self, index: int) -> None:
        """Counts every block up to `index`, inclusive, as used before."""
        while self.next_index <= index:
            self.claim_next()

    def set_state(self, index: int, state: BlockState) -> None:
        """Moves a block to `state` and keeps the counts."""
        counts = self.counts
        counts[self.states[index]] -= 1
        counts[state] += 1
        self.states[index] = state

    def first_in(self, state: BlockState, start: int) -> int:
        """Returns the lowest index of at least `start` in `state`, or -1."""
        if not self.counts[state]:
            return -1
        return self.states.find(state, start, self.next_index)

    def last_in(self, state: BlockState, end: int) -> int:
        """Returns the highest index below `end` in `state`, or -1."""
        if not self.counts[state]:
            return -1
        return self.states.rfind(state, 0, end)

    def is_full(self, index: int) -> bool:
        """Whether every unit of the block is plugged."""
        return self.plugged[index] == self.full_mask

    def unplugged_run(self, index: int, limit: int) -> tuple[int, int]:
        """Returns (first, count) of the lowest unplugged run, cut at `limit` units; count 0: none."""
        missing = ~self.plugged[index] & self.full_mask
        if not missing:
            return 0, 0
        first = (missing & -missing).bit_length() - 1
        above = ~(missing >> first)
        return first, min((above & -above).bit_length() - 1, limit)

    def highest_plugged_run(self, index: int, limit: int) -> tuple[int, int]:
        """Returns (first, count) of the top of the highest run of plugged units, of `limit` at most."""
        bits = self.plugged[index]
        end = bits.bit_length()
        # The highest clear bit below the run ends it.
        holes = ~bits & ((1 << end) - 1)
        count = min(end - holes.bit_length(), limit)
        return end - count, count

    def nr_plugged(self) -> int:
        """Counts the plugged units of all blocks. Linear in blocks."""
        return sum(bits.bit_count() for bits in self.plugged)
