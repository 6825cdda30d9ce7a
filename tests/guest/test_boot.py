"""Boot memory: one zone, and the memmap's share of it reserved."""

import pytest

from app.guest.boot import boot_node
from app.guest.spec import GuestSpec, plan_guest
from app.mm.page import PageKind
from app.trace.sink import NullSink
from app.units import GIB, MIB


@pytest.mark.parametrize(
    ("preset", "boot_size", "memmap"),
    [("x86-64", 4 * GIB, 64 * MIB), ("arm64-16K", 4 * GIB, 16 * MIB), ("toy", 64 * MIB, 8 * 128 * 1024)],
)
def test_boot_reserves_memmap_and_frees_the_rest(preset: str, boot_size: int, memmap: int) -> None:
    """64 bytes for each page, in whole pages for each memory block; everything else is free and managed."""
    plan = plan_guest(GuestSpec(name="boot", preset=preset, boot_size=boot_size))
    node = boot_node(plan, NullSink())
    page_size = plan.geometry.page_size
    normal = node.zones[2]
    assert normal.present * page_size == boot_size
    assert normal.managed * page_size == normal.nr_free * page_size == boot_size - memmap
    assert node.kind_of(0) is PageKind.RESERVED
    assert node.kind_of(memmap // page_size) is PageKind.FREE
    assert 0 < normal.watermarks.min < normal.watermarks.low < normal.watermarks.high
