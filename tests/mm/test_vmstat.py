"""/proc texts: the columns of real files, numbers that add up, and parsers that read them back.

The quoted lines were printed by Linux 6.1 in a guest with two processors.
"""

import re

import pytest

from app.guest.capture.proc_text import (
    ZoneKey,
    parse_buddyinfo,
    parse_meminfo,
    parse_pagetypeinfo,
    parse_zoneinfo,
)
from app.mm import hotplug, vmstat
from app.mm.cma import declare_area
from app.mm.geometry import preset
from app.mm.kernels import layout
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind, Request
from app.mm.policies.policy import policy
from app.mm.zone import ZoneId
from app.units import KIB
from tests.mm.small_nodes import two_nodes
from tests.model.pictures import Style, parse

BUDDYINFO = (
    "Node 0, zone   Normal     92     29     15     11     12      4      4      2      3      4      3 \n"
)
PAGETYPEINFO_HEADING = (
    "Free pages count per migrate type at order       0      1      2      3      4      5      6      7      8      9"
    "     10 \n"
)
PAGETYPEINFO = (
    "Node    0, zone   Normal, type    Unmovable     87     26     11      8      6      3      1      0      1"
    "      3      1 \n"
)
LONG_LIST = "Node    0, zone    DMA32, type      Movable >100000      0 \n"
PAGEBLOCKS = "Node 0, zone    DMA32          120          634            6            0            0 \n"
MEMINFO = (
    "MemTotal:        2037988 kB\n",
    "Active(anon):       3008 kB\n",
    "HardwareCorrupted:     0 kB\n",
    "AnonHugePages:    159744 kB\n",
    "HugePages_Total:       0\n",
    "VmallocTotal:   13743895347199 kB\n",
)
# Three of five zones, without the lines of which the model has no counterpart.
ZONEINFO = """\
Node 0, zone      DMA
  per-node stats
      nr_inactive_anon 245069
      nr_active_anon 752
      nr_inactive_file 0
      nr_active_file 0
      nr_unevictable 0
      nr_slab_reclaimable 6342
      nr_slab_unreclaimable 2675
      nr_isolated_anon 0
      nr_isolated_file 0
      nr_anon_pages 103725
      nr_file_pages 142118
      nr_dirty     0
      nr_writeback 0
      nr_shmem     142118
      nr_anon_transparent_hugepages 78
  pages free     3776
        boost    0
        min      122
        low      152
        high     182
        spanned  4095
        present  3998
        managed  3840
        cma      0
        protection: (0, 1363, 2049, 2049)
      nr_free_pages 3776
      nr_free_cma  0
  pagesets
    cpu: 0
              count: 0
              high:  76
              batch: 1
  vm stats threshold: 4
  node_unreclaimable:  0
  start_pfn:           1
Node 0, zone    DMA32
  pages free     210129
        boost    0
        min      11158
        low      13947
        high     16736
        spanned  389088
        present  389088
        managed  348985
        cma      0
        protection: (0, 0, 686, 686)
      nr_free_pages 210129
      nr_free_cma  0
  pagesets
    cpu: 0
              count: 2151
              high:  6973
              batch: 63
  vm stats threshold: 20
  node_unreclaimable:  0
  start_pfn:           4096
Node 0, zone   Normal
  pages free     7018
        boost    0
        min      5615
        low      7018
        high     8421
        spanned  327680
        present  229376
        managed  156672
        cma      0
        protection: (0, 0, 0, 0)
      nr_free_pages 7018
      nr_free_cma  0
  pagesets
    cpu: 0
              count: 0
              high:  3509
              batch: 31
  vm stats threshold: 16
  node_unreclaimable:  0
  start_pfn:           1048576
Node 0, zone  Movable
  pages free     0
        boost    0
        min      0
        low      0
        high     0
        spanned  0
        present  0
        managed  0
        cma      0
        protection: (0, 0, 0, 0)
"""


def node_of_the_real_guest() -> Node:
    """A node without pages, whose zones count what the real guest's did."""
    node = Node(preset("x86-64"), policy("linux-5.19"), nr_pages=1 << 15)
    for zone in parse_zoneinfo(ZONEINFO):
        row = node.stat[zone_named(zone.name)]
        row[layout.S_NR_FREE], row[layout.S_MANAGED], row[layout.S_PRESENT] = (
            zone.free,
            zone.managed,
            zone.present,
        )
        row[layout.S_START_PFN], row[layout.S_END_PFN] = zone.start_pfn, zone.end_pfn
        row[layout.S_WMARK_MIN : layout.S_WMARK_MIN + 3] = zone.min, zone.low, zone.high
        row[layout.S_RESERVE : layout.S_RESERVE + 4] = zone.protection
    return node


def zone_named(name: str) -> ZoneId:
    """Returns the zone of this name."""
    return ZoneId[name.upper()]


def shape_of(text: str) -> list[str]:
    """Returns a text's lines with every number made N: labels, columns and order are left."""
    return [re.sub(r"\d+", "N", line) for line in text.splitlines()]


def test_rows_of_tables_have_the_columns_of_real_files() -> None:
    """Byte for byte what the kernel printed for these counts."""
    assert vmstat.buddyinfo_row("Normal", (92, 29, 15, 11, 12, 4, 4, 2, 3, 4, 3)) == BUDDYINFO
    lengths = (87, 26, 11, 8, 6, 3, 1, 0, 1, 3, 1)
    assert vmstat.pagetypeinfo_row("Normal", "Unmovable", lengths) == PAGETYPEINFO
    assert vmstat.pageblocks_row("DMA32", (120, 634, 6, 0, 0)) == PAGEBLOCKS


def test_pagetypeinfo_row_of_long_list_stops_counting() -> None:
    """The kernel counts a list up to 100000 entries and says so."""
    assert vmstat.pagetypeinfo_row("DMA32", "Movable", (250_000, 0)) == LONG_LIST


@pytest.mark.parametrize("line", MEMINFO)
def test_meminfo_line_has_the_columns_of_real_files(line: str) -> None:
    """Labels take 16 columns, numbers end in the 24th, and longer ones push."""
    name, number, *unit = line.replace(":", " ").split()
    assert vmstat.meminfo_line(name, int(number), unit=" kB" if unit else "") == line


def test_zoneinfo_of_the_real_guest_has_its_lines() -> None:
    """Labels, indentation and order are the real file's."""
    assert shape_of(vmstat.zoneinfo(node_of_the_real_guest())) == shape_of(ZONEINFO)


def test_zoneinfo_of_the_real_guest_reads_back() -> None:
    """The parser of real files finds the same sizes, watermarks and protections."""
    read = parse_zoneinfo(vmstat.zoneinfo(node_of_the_real_guest()))
    real = parse_zoneinfo(ZONEINFO)
    assert [zone._replace(pcp_count=0) for zone in real] == list(read)


def test_available_pages_of_the_real_guest_are_its_own() -> None:
    """MemAvailable was 784080 kB, with nothing on the file lists and 6342 pages of reclaimable slab."""
    node = node_of_the_real_guest()
    assert vmstat.available_pages(node.zones, 0, 6342) == 784080 // 4


def test_available_pages_of_full_memory_are_none() -> None:
    """Reserves above what is free leave nothing, not less."""
    node = node_of_the_real_guest()
    node.stat[:, layout.S_NR_FREE] = 0
    assert vmstat.available_pages(node.zones, 0, 0) == 0


def test_buddyinfo_of_node_reads_back() -> None:
    """Free blocks by order, one line for each populated zone."""
    node = parse("|...M....|........|")
    assert parse_buddyinfo(vmstat.buddyinfo(node)) == {ZoneKey(0, "Normal"): (1, 1, 1, 1, 0)}
    assert len(vmstat.buddyinfo(node).splitlines()) == 1


def test_pagetypeinfo_of_node_reads_back() -> None:
    """Free blocks and pageblocks by type; the geometry stands at the top."""
    text = vmstat.pagetypeinfo(parse("|...M....|........|........|........|", Style(types="UMRC")))
    read = parse_pagetypeinfo(text)
    key = ZoneKey(0, "Normal")
    assert read.pageblock_order == 3
    assert text.splitlines()[1] == "Pages per block:  8"
    assert read.free[key]["Unmovable"] == (1, 1, 1, 0, 0)
    assert read.free[key]["Movable"] == (0, 0, 0, 1, 0)
    assert read.free[key]["CMA"] == (0, 0, 0, 1, 0)
    assert read.blocks[key] == {
        "Unmovable": 1,
        "Movable": 1,
        "Reclaimable": 1,
        "HighAtomic": 0,
        "CMA": 1,
        "Isolate": 0,
    }


def test_pagetypeinfo_heading_has_the_columns_of_real_files() -> None:
    """Orders stand above their columns."""
    text = vmstat.pagetypeinfo(node_of_the_real_guest())
    assert PAGETYPEINFO_HEADING in text
    assert (
        "\nNumber of blocks type     Unmovable      Movable  Reclaimable   HighAtomic          CMA      Isolate \n"
        in text
    )


def test_meminfo_of_node_counts_pages_by_what_they_hold() -> None:
    """Every kind goes where Linux counts it; pages are of 4 KiB."""
    node = parse("|MMPffFSW|T-------|G-------|UKU-....|")
    read = parse_meminfo(vmstat.meminfo(node))
    pages = {name: size // (4 * KIB) for name, size in read.items()}
    assert pages["MemTotal"] == 32
    assert pages["MemFree"] == 4
    assert pages["AnonPages"] == pages["Inactive(anon)"] == 3 + 8
    assert pages["AnonHugePages"] == 8
    assert (pages["Cached"], pages["Dirty"]) == (3, 1)
    assert (pages["SReclaimable"], pages["SUnreclaim"], pages["Slab"]) == (1, 4, 5)
    assert pages["HardwareCorrupted"] == 1
    assert (pages["Hugetlb"], pages["Hugepagesize"], read["HugePages_Total"]) == (8, 8, 1)
    assert pages["CmaTotal"] == pages["CmaFree"] == 0


def test_meminfo_of_unplugged_and_reserved_pages_leaves_them_out() -> None:
    """MemTotal is what the zones manage; CMA has its own lines."""
    node = parse("|........|OOOORRRR|", Style(types="CM"))
    pages = {name: size // (4 * KIB) for name, size in parse_meminfo(vmstat.meminfo(node)).items()}
    assert (pages["MemTotal"], pages["CmaTotal"], pages["CmaFree"]) == (8, 8, 8)


def test_zoneinfo_of_node_counts_per_cpu_pages() -> None:
    """Pages of kind pcp stand on the only processor's list, and in no counter of free pages."""
    read = {zone.name: zone for zone in parse_zoneinfo(vmstat.zoneinfo(parse("|cc......|........|")))}
    assert read["Normal"].pcp_count == 2
    assert (read["Normal"].free, read["Normal"].managed) == (14, 16)
    assert (read["Movable"].spanned, read["Movable"].start_pfn) == (0, 0)


def test_texts_change_nothing_and_follow_hotplug() -> None:
    """A memory block that goes offline is in no text any more."""
    node = parse("|........|........|........|........|")
    before = vmstat.zoneinfo(node), vmstat.meminfo(node)
    assert before == (vmstat.zoneinfo(node), vmstat.meminfo(node))
    assert hotplug.offline_pages(node, 16, 32).result == "0"
    assert parse_meminfo(vmstat.meminfo(node))["MemTotal"] == 16 * 4 * KIB
    assert parse_buddyinfo(vmstat.buddyinfo(node)) == {ZoneKey(0, "Normal"): (0, 0, 0, 0, 1)}


def test_count_pages_of_memory_without_pages_counts_none() -> None:
    """An empty node has nothing of anything."""
    node = parse("|....|....|")
    assert vmstat.count_pages(node) == (0,) * 8
    assert node.alloc_pages(PageKind.ANON, 0, 3, owner=1) == 3
    assert vmstat.count_pages(node).anon == 3


def test_cma_total_is_of_areas_whatever_became_of_their_pageblocks() -> None:
    """C-12, S39: a pageblock that an area lost still counts as the area's, in meminfo and in the zone."""
    node = parse("|........|........|........|........|", Style(types="CCCC"))
    declare_area(node, "dma", 0, 24)
    node.arrays.block_type[0] = Migratetype.MOVABLE
    pages = {name: size // (4 * KIB) for name, size in parse_meminfo(vmstat.meminfo(node)).items()}
    assert pages["CmaTotal"] == 24
    assert "        cma      24\n" in vmstat.zoneinfo(node)
    assert vmstat.pagetypeinfo(node).splitlines()[-1].split()[-6:] == ["0", "1", "0", "0", "3", "0"]


@pytest.mark.parametrize(("policy", "is_told"), [("linux-6.10", False), ("linux-6.12", True)])
def test_zoneinfo_tells_the_reserve_where_kernels_do(policy: str, is_told: bool) -> None:  # noqa: FBT001 - a column of the table
    """B-20: where what is free of the reserve is counted, both numbers end the zone."""
    node = parse("|........|........|", Style(policy))
    assert node.alloc_page(PageKind.UNMOVABLE, 1, 1, Request.HIGHATOMIC) >= 0
    tail = ["  start_pfn:           0"]
    if is_told:
        zone = node.zones[2]
        tail += [
            f"  reserved_highatomic: {zone.nr_reserved_highatomic}",
            f"  free_highatomic:     {zone.nr_free_highatomic}",
        ]
    normal = vmstat.zoneinfo(node).split("Node 0, zone  Movable")[0].splitlines()
    assert normal[-len(tail) :] == tail


def test_texts_of_two_nodes_are_node_by_node() -> None:
    """A line of buddyinfo for each populated zone; pagetypeinfo begins anew; zoneinfo counts each node's pages."""
    node = two_nodes(4)
    node.alloc_pages(PageKind.ANON, 0, 3, owner=1, numa_node=1)
    assert [line[:20] for line in vmstat.buddyinfo(node).splitlines()] == [
        "Node 0, zone   Norma",
        "Node 1, zone   Norma",
    ]
    text = vmstat.pagetypeinfo(node)
    assert text.count("Page block order: 3\n") == 2
    assert text.count("Node    1, zone   Normal, type") == 6
    halves = vmstat.zoneinfo(node).split("Node 1, zone      DMA\n")
    assert ["nr_anon_pages 3\n" in half for half in halves] == [False, True]
    assert [half.count("per-node stats") for half in halves] == [1, 1]
    assert halves[1].count("\nNode 1, zone") == 3
    assert "AnonPages:           384 kB\n" in vmstat.meminfo(node)


def test_node_without_memory_has_zones_and_no_counts() -> None:
    """Its empty zones stand in zoneinfo, without per-node counts; the other texts have nothing of it."""
    node = two_nodes(boot=(2, 0))
    assert "Node 1" not in vmstat.buddyinfo(node)
    assert vmstat.pagetypeinfo(node).count("Page block order") == 1
    (_, empty) = vmstat.zoneinfo(node).split("Node 1, zone      DMA\n")
    assert "per-node stats" not in empty
