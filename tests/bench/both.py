"""The same zone in both worlds: a node of the simulator and a zone of the C twin, and whether they agree.

Left out: the workloads (pairs, fill).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.mm.geometry import preset
from app.mm.kernels import layout, walk
from app.mm.node import Node
from app.mm.page import PageKind
from app.mm.policies.policy import policy
from app.mm.zone import ZoneId
from tests.bench.twin import CZone

OWNER = 1


class Both(NamedTuple):
    """One zone of equal content, twice."""

    node: Node
    twin: CZone

    def check_equal(self) -> None:
        """Checks that both worlds hold the same run at every page, and count the same free pages."""
        runs = np.empty((self.node.nr_pages, 3), np.int64)
        nr_runs = int(walk.collect_runs(self.node.arrays, 0, self.node.nr_pages, runs))
        heads = np.zeros(self.node.nr_pages, np.uint8)
        heads[runs[:nr_runs, 0]] = runs[:nr_runs, 1]
        assert np.array_equal(heads, self.twin.heads()), "the kernels and the C twin differ in a run"
        assert self.node.zones[ZoneId.NORMAL].nr_free == self.twin.nr_free, "they differ in the free pages"


@contextmanager
def both(nr_pages: int) -> Iterator[Both]:
    """Yields one zone Normal of `nr_pages` free movable pages in both worlds; x86-64, linux-5.19."""
    node = Node(preset("x86-64"), policy("linux-5.19"), nr_pages=nr_pages)
    node.put_in_zone(0, nr_pages, ZoneId.NORMAL)
    node.set_free(0, nr_pages)
    node.recompute_watermarks()
    stat = node.stat[ZoneId.NORMAL]
    marks = {"mark_min": int(stat[layout.S_WMARK_MIN]), "mark_low": int(stat[layout.S_WMARK_LOW])}
    with CZone(nr_pages, **marks) as twin:
        yield Both(node, twin)


def shuffled(values: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Returns the values in a random order, the same for the same seed."""
    return np.random.Generator(np.random.PCG64(seed)).permutation(values)


def fragment(zone: Both, seed: int) -> None:
    """Fills the zone with single pages and frees 60 % of them at random, in both worlds."""
    zone.node.alloc_pages(PageKind.ANON, 0, zone.node.nr_pages, owner=OWNER)
    zone.twin.fill()
    pfns = shuffled(zone.node.owned_pfns(OWNER), seed)
    freed = pfns[: len(pfns) * 6 // 10]
    zone.node.free_runs(freed)
    zone.twin.free(freed)
