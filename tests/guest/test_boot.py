"""Boot memory: its zones, and the memmap's share of it reserved."""

import pytest

from app.guest.boot import boot_node
from app.guest.spec import GuestSpec, plan_guest
from app.mm.checks.invariants import verify
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.trace.sink import NullSink
from app.units import GIB, MIB


@pytest.mark.parametrize(
    ("preset", "boot_size", "memmap", "zone"),
    [
        ("x86-64", 4 * GIB, 64 * MIB, ZoneId.DMA32),
        ("arm64-16K", 4 * GIB, 16 * MIB, ZoneId.NORMAL),
        ("toy", 64 * MIB, 8 * 128 * 1024, ZoneId.NORMAL),
    ],
)
def test_boot_reserves_memmap_and_frees_the_rest(
    preset: str, boot_size: int, memmap: int, zone: ZoneId
) -> None:
    """64 bytes for each page, in whole pages for each memory block; everything else is free and managed."""
    plan = plan_guest(GuestSpec(name="boot", preset=preset, boot_size=boot_size))
    node = boot_node(plan, NullSink())
    page_size = plan.geometry.page_size
    booted = node.zones[zone]
    assert booted.present * page_size == boot_size
    assert booted.managed * page_size == booted.nr_free * page_size == boot_size - memmap
    assert node.kind_of(0) is PageKind.RESERVED
    assert node.kind_of(memmap // page_size) is PageKind.FREE
    assert 0 < booted.watermarks.min < booted.watermarks.low < booted.watermarks.high


def test_boot_memory_above_four_gib_is_zone_normal() -> None:
    """x86-64: 4 GiB of 6 are zone DMA32, and no free page lies over the border."""
    node = boot_node(plan_guest(GuestSpec(name="boot", boot_size=6 * GIB)), NullSink())
    present = [zone.present * 4096 for zone in node.zones]
    assert present == [0, 4 * GIB, 2 * GIB, 0]
    assert node.zones[ZoneId.NORMAL].nr_free * 4096 == 2 * GIB
    assert verify(node) == []
