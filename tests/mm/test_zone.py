"""Zones: names for what the node's counters hold."""

import numpy as np

from app.mm.kernels import layout
from app.mm.watermark import Watermarks
from app.mm.zone import ZONE_NAMES, Zone, ZoneId, zone_index, zonelist
from tests.mm.small_nodes import two_nodes
from tests.model.pictures import Style, parse


def test_zone_ids_and_names_are_the_kernel_s() -> None:
    """A request falls back from its highest zone downwards; kernels know two zones by number."""
    assert [ZONE_NAMES[zone] for zone in ZoneId] == ["DMA", "DMA32", "Normal", "Movable"]
    assert (int(layout.ZONE_NORMAL), int(layout.ZONE_MOVABLE)) == (ZoneId.NORMAL, ZoneId.MOVABLE)
    assert len(ZoneId) == layout.ZONES_PER_NODE


def test_zone_reads_every_counter_from_its_row() -> None:
    """Each property is one column, watermarks and reserves several."""
    row = np.arange(100, 100 + layout.NR_COLUMNS)
    zone = Zone(row, ZoneId.NORMAL)
    assert (zone.nr_free, zone.nr_free_cma, zone.managed, zone.present) == (100, 101, 102, 103)
    assert (zone.start_pfn, zone.end_pfn, zone.spanned, zone.nr_isolate) == (104, 105, 1, 106)
    assert zone.watermarks == Watermarks(107, 108, 109)
    assert [zone.lowmem_reserve(other) for other in ZoneId] == [110, 111, 112, 113]
    assert (zone.nr_reserved_highatomic, zone.nr_free_highatomic) == (114, 115)
    row[layout.S_NR_FREE] = 7
    assert zone.nr_free == 7


def test_zones_of_picture_span_what_is_online() -> None:
    """Only the zone of the picture has memory."""
    node = parse("|    |    |....|...M|", Style(zone=ZoneId.MOVABLE))
    spans = {zone.name: (zone.start_pfn, zone.end_pfn, zone.present, zone.managed) for zone in node.zones}
    assert spans["Movable"] == (8, 16, 8, 8)
    assert spans["Normal"] == (0, 0, 0, 0)


def test_zones_of_two_nodes_stand_one_node_after_the_other() -> None:
    """A zone knows its node; it is named after it elsewhere than on node 0."""
    node = two_nodes()
    assert [(zone.index, zone.numa_node, zone.id) for zone in node.zones_of(1)] == [
        (4, 1, ZoneId.DMA),
        (5, 1, ZoneId.DMA32),
        (6, 1, ZoneId.NORMAL),
        (7, 1, ZoneId.MOVABLE),
    ]
    assert (node.zones[2].label, node.zones[6].label) == ("zone Normal", "zone Normal of node 1")
    assert zone_index(1, ZoneId.NORMAL) == 6
    assert [zone.present for zone in node.zones] == [0, 0, 128, 0, 0, 0, 128, 0]
    assert (node.zones[6].start_pfn, node.zones[6].end_pfn) == (128, 256)


def test_zonelist_of_node_0_is_the_highest_zone() -> None:
    """Kernels of one node take the number that they always took."""
    assert [zonelist(zone, 0) for zone in ZoneId] == [0, 1, 2, 3]
    assert zonelist(ZoneId.NORMAL, 1) == 1 << layout.ZONELIST_SHIFT | 6
