"""Doing workloads: amounts are met, kinds mix, and fragmentation comes by itself."""

import numpy as np
import pytest

from app.errors import InvalidValue
from app.guest.allocations import Allocation
from app.guest.guest import Guest
from app.guest.populate import validate_orders
from app.guest.spec import DeviceSpec
from app.guest.workload import workload
from app.guest.workload_json import parse_workload
from app.mm.geometry import preset
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.units import GIB, MIB
from tests.guest.making import toy_guest, x86_guest


def rows_of(guest: Guest) -> dict[str, Allocation]:
    """Returns the allocations by label."""
    return {row.label: row for row in guest.pages.allocations}


def populated(steps: object, **changes: object) -> Guest:
    """Returns an x86 guest of 1 GiB after these steps."""
    guest = x86_guest(**changes)
    guest.pages.populate(parse_workload(steps), 1)
    assert guest.verify() == []
    return guest


def test_fill_takes_size_or_fraction() -> None:
    """A size is exact, a fraction is of what is free."""
    guest = populated([{"do": "fill", "kind": "anon", "size": "64MiB"}])
    assert rows_of(guest)["anon"].nr_pages == 64 * MIB // 4096
    free = sum(zone.nr_free for zone in x86_guest().node.zones)
    guest = populated([{"do": "fill", "kind": "thp", "fraction": 0.5}])
    assert rows_of(guest)["thp"].nr_pages == free // 2 // 512 * 512


def test_fill_beyond_memory_takes_what_there_is() -> None:
    """A fill that finds too little room is no error."""
    guest = populated([{"do": "fill", "kind": "anon", "size": "64GiB"}])
    zone = guest.node.zones[ZoneId.DMA32]
    assert rows_of(guest)["anon"].nr_pages > 0
    assert zone.nr_free == zone.watermarks.min


def test_mix_keeps_weights_and_amount() -> None:
    """The kinds get pages as their weights say, huge runs counted as their pages."""
    parts = [{"kind": "anon", "weight": 4}, {"kind": "slab", "weight": 1}, {"kind": "thp", "weight": 3}]
    guest = populated([{"do": "mix", "size": "512MiB", "parts": parts}])
    pages = {label: row.nr_pages for label, row in rows_of(guest).items()}
    total = sum(pages.values())
    assert total == pytest.approx(512 * MIB // 4096, rel=0.02)
    assert pages["anon"] == pytest.approx(total / 2, rel=0.1)
    assert pages["slab"] == pytest.approx(total / 8, rel=0.1)
    assert pages["thp"] == pytest.approx(total * 3 / 8, rel=0.1)


def test_mix_gives_kernel_kinds_their_share_of_kernel_zones() -> None:
    """With a large ZONE_MOVABLE, slab does not fill ZONE_NORMAL up: its share is of what it may use."""
    parts = [{"kind": "anon"}, {"kind": "slab"}]
    device = DeviceSpec(size=4 * GIB, requested_size=4 * GIB)
    guest = populated([{"do": "mix", "fraction": 0.5, "parts": parts}], devices=(device,))
    free_before = sum(x86_guest().node.zones[zone].nr_free for zone in (ZoneId.DMA32, ZoneId.NORMAL))
    assert rows_of(guest)["slab"].nr_pages == pytest.approx(free_before / 4, rel=0.2)


def test_free_at_random_fragments_free_memory() -> None:
    """Freeing half of everything at random leaves free memory mostly in small pieces, by merging alone."""
    guest = populated(
        [{"do": "fill", "kind": "anon", "fraction": 1}, {"do": "free", "label": "anon", "fraction": 0.5}]
    )
    nr_free, zone = guest.node.nr_free[ZoneId.DMA32], guest.node.zones[ZoneId.DMA32]
    small = int(nr_free[0]) + 2 * int(nr_free[1]) + 4 * int(nr_free[2])
    assert small > 0.9 * (zone.nr_free - zone.watermarks.min)


def test_churn_keeps_amounts_and_mixes_pages() -> None:
    """After churning about as many pages of each are there, the ones between the others."""
    fills: list[object] = [{"do": "fill", "kind": kind, "fraction": 0.4} for kind in ("anon", "file_dirty")]
    still = populated(fills)
    churn = {"do": "churn", "labels": ["anon", "file_dirty"], "fraction": 0.3, "rounds": 3}
    churned = populated([*fills, churn])
    for label, row in rows_of(still).items():
        assert rows_of(churned)[label].nr_pages == pytest.approx(row.nr_pages, rel=0.02)
    assert _nr_gaps(still) < 10
    assert _nr_gaps(churned) > 1000


def _nr_gaps(guest: Guest) -> int:
    """Returns how often the first allocation's pages are interrupted."""
    return int(np.count_nonzero(np.diff(guest.node.owned_pfns(1)) > 1))


def test_pin_pins_a_fraction() -> None:
    """A thousandth of the pages is pinned."""
    guest = populated(
        [
            {"do": "fill", "kind": "anon", "size": "400MiB"},
            {"do": "pin", "label": "anon", "fraction": 0.001},
        ]
    )
    kinds = [guest.node.kind_of(int(pfn)) for pfn in guest.node.owned_pfns(1)]
    assert kinds.count(PageKind.PINNED) == 400 * MIB // 4096 // 1000


@pytest.mark.parametrize("name", ["idle", "busy", "fragmented", "slab-heavy", "huge"])
def test_ready_made_workload_leaves_sound_guest(name: str) -> None:
    """Each runs on a small guest, breaks nothing, and leaves some memory free."""
    guest = toy_guest(devices=(DeviceSpec(size=64 * MIB, requested_size=64 * MIB),))
    guest.pages.populate(workload(name), 3)
    assert guest.verify() == []
    assert list(guest.pages.allocations)
    assert sum(zone.nr_free for zone in guest.node.zones) > 0


def test_validate_orders_names_the_step() -> None:
    """An order that the kind cannot have is named by its place."""
    for steps, field in (
        ([{"do": "fill", "kind": "thp", "order": 10, "fraction": 1}], "workload[0].order"),
        (
            [{"do": "mix", "fraction": 1, "parts": [{"kind": "anon", "order": 10}]}],
            "workload[0].parts[0].order",
        ),
    ):
        with pytest.raises(InvalidValue) as caught:
            validate_orders(parse_workload(steps), preset("x86-64"))
        assert caught.value.members["field"] == field
