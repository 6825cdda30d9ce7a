"""Freeing random pages: exact amounts, of one allocation only, however they are found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.guest.programs import random_frees
from app.guest.programs.random_frees import RandomFrees
from app.guest.random_stream import RandomStream
from app.mm.page import PageKind
from app.units import GIB, MIB
from tests.guest.making import x86_guest
from tests.guest.programs.small import Supplied, small_guest, surroundings_of


@settings(max_examples=40, deadline=None)
@given(
    nr_mine=st.integers(0, 200),
    nr_theirs=st.integers(0, 200),
    nr_runs=st.integers(-1, 220),
    seed=st.integers(0, 2**63 - 1),
)
def test_amount_is_exact_and_books_agree(nr_mine: int, nr_theirs: int, nr_runs: int, seed: int) -> None:
    """As many as asked for, or all; the table says what the pages say; others keep theirs."""
    on = Supplied(small_guest())
    mine, theirs = on.open("mine", nr_pages=nr_mine), on.open("theirs", nr_pages=nr_theirs)
    freed = RandomFrees(surroundings_of(on.guest), RandomStream(seed)).free(mine, nr_runs)
    assert freed == max(0, min(nr_runs, nr_mine))
    assert on.table.get(mine.id).nr_pages == len(on.guest.node.owned_pfns(mine.id)) == nr_mine - freed
    assert len(on.guest.node.owned_pfns(theirs.id)) == nr_theirs
    assert on.guest.verify() == []


def test_few_of_many_are_drawn_without_a_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a guest of 1 GiB, a hundred of 100,000 pages: nobody walks, and they lie all over."""
    guest = x86_guest(boot_size=GIB)
    row = guest.pages.allocations.fill(PageKind.ANON, 0, 100_000, label="heap")
    frees = RandomFrees(surroundings_of(guest), RandomStream(5))
    before = guest.node.owned_pfns(row.id)
    monkeypatch.setattr(guest.node, "owned_pfns", None)
    assert frees.free(row, 100) == 100
    monkeypatch.undo()
    gone = np.setdiff1d(before, guest.node.owned_pfns(row.id))
    assert len(gone) == 100
    assert np.histogram(gone, bins=4, range=(before[0], before[-1]))[0].min() > 10


def test_both_ways_are_near_even(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of 16 pages is freed about as often as another, whether drawn or chosen."""
    for walked_per_draw in (0.001, 10**9):
        monkeypatch.setattr(random_frees, "_WALKED_PER_DRAW", walked_per_draw)
        counts = np.zeros(504 + 8, np.int64)
        on = Supplied(small_guest())
        row = on.open("x", nr_pages=16)
        for _ in range(300):
            before = on.guest.node.owned_pfns(row.id)
            on.frees.free(on.table.get(row.id), 4)
            counts[np.setdiff1d(before, on.guest.node.owned_pfns(row.id))] += 1
            on.table.grow(row.id, 4)
        hit = counts[counts > 0]
        assert len(hit) >= 16
        assert hit[:16].min() > 40


@pytest.mark.parametrize(
    ("kind", "order", "nr_runs", "nr_freed"), [("THP", 9, 200, 150), ("ANON", 0, 100_000, 10)]
)
def test_freed_pages_count_as_backed(kind: str, order: int, nr_runs: int, nr_freed: int) -> None:
    """A device's page that was used and freed, chosen or drawn, has to be discarded by the host later."""
    guest = x86_guest()
    guest.resize("vm0", 512 * MIB)
    row = guest.pages.allocations.fill(PageKind[kind], order, nr_runs, label="x")
    backing = guest.find_device("vm0").backing
    around = surroundings_of(guest)
    around.backings.add(backing)
    assert backing.nr_touched == 0
    RandomFrees(around, RandomStream(2)).free(row, nr_freed)
    assert 0 < backing.nr_touched <= nr_freed
