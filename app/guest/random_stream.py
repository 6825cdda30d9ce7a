"""Random choices of a guest's workload, from the raw stream of one seeded bit generator.

Kept here: only PCG64's raw 64-bit words are used, which are stable across releases of NumPy; its
distributions are not, and a replay must choose the same pages years later.
Left out: what is chosen (app.guest.workload).
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

# Items are chosen in batches, so that choosing among 10**8 pages needs keys of 8 MiB, not 800.
_BATCH = 1 << 20
_HALF_BITS = np.uint64(32)
_LARGEST_BOUND = 1 << 32


class RandomStream:
    """One stream of raw words; each call takes the next ones."""

    def __init__(self, seed: int) -> None:
        """Starts the stream that belongs to `seed`, an integer of at most 64 bits."""
        self._generator = np.random.PCG64(seed)

    def fork(self) -> "RandomStream":
        """Returns an independent stream that goes on with the same words."""
        copy = RandomStream(0)
        copy._generator.state = self._generator.state
        return copy

    def state(self) -> int:
        """Returns where the stream is: equal numbers, equal words to come."""
        inner = self._generator.state["state"]
        return int(inner["state"])

    def words(self, count: int) -> NDArray[np.uint64]:
        """Returns the next `count` raw words."""
        return self._generator.random_raw(count)

    def below(self, bound: int, count: int) -> NDArray[np.int64]:
        """Returns `count` integers of [0, bound); `bound` is at most 2**32.

        The upper half of a word is scaled: the bias is below bound / 2**32.
        """
        assert 0 < bound <= _LARGEST_BOUND, "a wider bound needs more than half a word"
        return ((self.words(count) >> _HALF_BITS) * np.uint64(bound) >> _HALF_BITS).astype(np.int64)

    def choose(self, nr_items: int, nr_chosen: int) -> NDArray[np.int64]:
        """Returns `nr_chosen` different indices of [0, nr_items), ascending.

        Each batch of about a million gives its exact share: random within the batch, even across batches.
        """
        parts = []
        share = Fraction(nr_chosen, max(nr_items, 1))
        for start in range(0, nr_items, _BATCH):
            end = min(start + _BATCH, nr_items)
            nr_wanted = int(end * share) - int(start * share)
            parts.append(self._choose_in_batch(end - start, nr_wanted) + start)
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def _choose_in_batch(self, nr_items: int, nr_chosen: int) -> NDArray[np.int64]:
        if nr_chosen == nr_items:
            return np.arange(nr_items, dtype=np.int64)
        if nr_chosen == 0:
            return np.empty(0, np.int64)
        keys = self.words(nr_items)
        # The stable sort makes the choice unique even if two keys were equal.
        return np.sort(np.argsort(keys, kind="stable")[:nr_chosen]).astype(np.int64)
