"""The random stream: stable words, exact counts, every item once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.guest import random_stream
from app.guest.random_stream import RandomStream


def test_words_of_seed_are_those_of_pcg64() -> None:
    """The first raw words of PCG64(1), recorded: a replay years later must draw the same."""
    assert RandomStream(1).words(3).tolist() == [
        9441442522235856127,
        17532960557476522086,
        2659275481604167885,
    ]


def test_below_scales_recorded_words() -> None:
    """Recorded choices for a seed: the way from words to numbers is part of the replay."""
    assert RandomStream(7).below(1000, 6).tolist() == [625, 897, 775, 225, 300, 873]


@given(seed=st.integers(0, 2**63 - 1), bound=st.integers(1, 2**32), count=st.integers(0, 50))
def test_below_stays_below_bound(seed: int, bound: int, count: int) -> None:
    """Every number is of [0, bound)."""
    numbers = RandomStream(seed).below(bound, count)
    assert len(numbers) == count
    assert ((numbers >= 0) & (numbers < bound)).all()


@given(seed=st.integers(0, 2**63 - 1), nr_items=st.integers(0, 300), data=st.data())
def test_choose_returns_each_index_once(seed: int, nr_items: int, data: st.DataObject) -> None:
    """Exactly as many as asked for, all different, all in range, and equal for equal seeds."""
    nr_chosen = data.draw(st.integers(0, nr_items))
    chosen = RandomStream(seed).choose(nr_items, nr_chosen)
    assert len(chosen) == nr_chosen
    assert len(np.unique(chosen)) == nr_chosen
    assert ((chosen >= 0) & (chosen < nr_items)).all()
    assert (RandomStream(seed).choose(nr_items, nr_chosen) == chosen).all()


def test_choose_in_batches_gives_each_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Across batches the total is exact, and every batch is represented."""
    monkeypatch.setattr(random_stream, "_BATCH", 10)
    chosen = RandomStream(3).choose(45, 21)
    assert len(np.unique(chosen)) == 21
    assert [int((chosen // 10 == batch).sum()) for batch in range(5)] == [4, 5, 5, 4, 3]


def test_choose_is_near_even_over_items() -> None:
    """No item is favoured: each of ten is among five about as often as any other."""
    stream = RandomStream(11)
    counts = np.zeros(10, np.int64)
    for _ in range(2000):
        counts[stream.choose(10, 5)] += 1
    assert counts.min() > 900
    assert counts.max() < 1100
