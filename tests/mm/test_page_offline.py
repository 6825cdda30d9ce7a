"""Pages that virtio-mem holds: marked, given back, and let go."""

import pytest

from app.mm import hotplug, page_offline
from app.mm.checks.invariants import verify
from app.mm.contig import alloc_contig_range
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from tests.mm.holder import Holder
from tests.mm.test_hotplug import PICTURE, managed
from tests.model.observed import observe_lists
from tests.model.pictures import parse

pytestmark = pytest.mark.interpreted

NORMAL = ZoneId.NORMAL


def test_mark_and_clear_offline_move_managed_both_ways() -> None:
    """8.7: taken pages leave what the zone manages, and come back as a contiguous range does, at the head."""
    node = parse(PICTURE)
    alloc_contig_range(node, 0, 8, kind=PageKind.OFFLINE)
    page_offline.mark_offline(node, 0, 8)
    assert managed(node) == [24, 0]
    assert verify(node) == []
    page_offline.clear_offline(node, 0, 8)
    assert managed(node) == [32, 0]
    assert observe_lists(node)[2, 4, 1] == [0, 16]
    assert verify(node) == []


def test_clear_offline_of_fresh_pages_puts_them_at_the_tail() -> None:
    """K-5: pages that were never online are onlined, run by run, whatever lies beside them (D-16)."""
    node = parse(PICTURE)
    hotplug.add_memory(node, 32, 48)
    holder = Holder(node, [(32, 48)])
    hotplug.online_pages(node, 32, 48, NORMAL)
    assert len(holder.heard) == 2
    before = managed(node)[0]
    page_offline.clear_offline(node, 32, 40)
    page_offline.clear_offline(node, 40, 48)
    assert managed(node)[0] == before + 16
    assert observe_lists(node)[2, 4, 1][-1] == 32
    assert not (node.arrays.owner == page_offline.NEVER_ONLINED).any()
    assert verify(node) == []
