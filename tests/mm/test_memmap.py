"""Memmaps: from the guest's memory, in pageblocks, else in single pages."""

import pytest

from app.mm import hotplug, memmap
from app.mm.checks.invariants import verify
from app.mm.outcome import Errno
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

NORMAL = ZoneId.NORMAL


def test_memmap_of_large_blocks_takes_pageblocks_first() -> None:
    """Pageblocks as far as they fill, then what is left; single pages where no pageblock is free."""
    node = parse("|" + "|".join(["." * 8] * 16) + "|" + "|".join([" " * 8] * 16) + "|", Style(chunk_shift=4))
    assert memmap.memmap_nr_pages(node) == 2
    assert hotplug.add_memory(node, 128, 256) is Errno.OK
    assert [node.arrays.owner.tolist().count(memmap.MEMMAP_OWNER)] == [1]
    hotplug.remove_memory(node, 128, 256)
    node.alloc_pages(PageKind.ANON, 0, 128, owner=1)
    node.free_runs(node.owned_pfns(1)[::2])
    assert hotplug.add_memory(node, 128, 256) is Errno.OK
    assert len(node.memmaps[1]) == 2
    assert verify(node) == []
