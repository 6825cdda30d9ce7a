"""The driver's book in sub-block mode: a state for each memory block, a bit for each sub-block.

Mirrors struct virtio_mem's sbm part of drivers/virtio/virtio_mem.c (semantics 8.1, D-1).
Invariants kept here: INV-20 (counts per state). A memory block's bits are one Python integer, bit n for
sub-block n, so that whole blocks cost one comparison.
Left out: what the bits mean to Linux and to the device (plug.py, unplug.py).
"""

from app.virtio_mem.driver.states import SbmState

_NR_STATES = len(SbmState)


class SubblockMap:
    """States and bits of the memory blocks of one device, by index from its first whole memory block."""

    def __init__(self, nr_memory_blocks: int, subblocks_per_memory_block: int) -> None:
        """Starts with every memory block unused, and none ever used."""
        self.subblocks_per_memory_block = subblocks_per_memory_block
        self.full_mask = (1 << subblocks_per_memory_block) - 1
        # One byte a memory block.
        self.states = bytearray(nr_memory_blocks)
        # Memory blocks from here on were never used; those below are reused when UNUSED (D-1).
        self.next_index = 0
        # Bits of plugged sub-blocks, for the indexes below next_index.
        self.plugged: list[int] = []
        self.counts = [0] * _NR_STATES

    @property
    def nr_memory_blocks(self) -> int:
        """How many whole memory blocks the region holds."""
        return len(self.states)

    def claim_next(self) -> int:
        """Returns the lowest index never used before, which counts as UNUSED from now on."""
        index = self.next_index
        self.next_index = index + 1
        self.plugged.append(0)
        self.counts[SbmState.UNUSED] += 1
        return index

    def claim_up_to(self, index: int) -> None:
        """Counts every memory block up to `index`, inclusive, as used before."""
        while self.next_index <= index:
            self.claim_next()

    def set_state(self, index: int, state: SbmState) -> None:
        """Moves a memory block to `state` and keeps the counts."""
        counts = self.counts
        counts[self.states[index]] -= 1
        counts[state] += 1
        self.states[index] = state

    def first_in(self, state: SbmState, start: int) -> int:
        """Returns the lowest index of at least `start` in `state`, or -1."""
        if not self.counts[state]:
            return -1
        return self.states.find(state, start, self.next_index)

    def last_in(self, state: SbmState, end: int) -> int:
        """Returns the highest index below `end` in `state`, or -1."""
        if not self.counts[state]:
            return -1
        return self.states.rfind(state, 0, end)

    def is_full(self, index: int) -> bool:
        """Whether every sub-block of the memory block is plugged."""
        return self.plugged[index] == self.full_mask

    def unplugged_run(self, index: int, limit: int) -> tuple[int, int]:
        """Returns (first, count) of the lowest unplugged run, cut at `limit` sub-blocks; count 0: none."""
        missing = ~self.plugged[index] & self.full_mask
        if not missing:
            return 0, 0
        first = (missing & -missing).bit_length() - 1
        above = ~(missing >> first)
        return first, min((above & -above).bit_length() - 1, limit)

    def highest_plugged_run(self, index: int, limit: int) -> tuple[int, int]:
        """Returns (first, count) of the top of the highest run of plugged sub-blocks, of `limit` at most."""
        bits = self.plugged[index]
        end = bits.bit_length()
        # The highest clear bit below the run ends it.
        holes = ~bits & ((1 << end) - 1)
        count = min(end - holes.bit_length(), limit)
        return end - count, count

    def nr_plugged(self) -> int:
        """Counts the plugged sub-blocks of all memory blocks. Linear in memory blocks."""
        return sum(bits.bit_count() for bits in self.plugged)
