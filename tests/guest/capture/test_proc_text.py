"""Texts of /proc and sysfs: what kernels print is understood, what no kernel prints is refused."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.errors import InvalidValue
from app.guest.capture import proc_text
from app.guest.capture.proc_text import CapturedMemoryBlock, IomemRange, ZoneKey

# Linux 6.18: more fields, wider columns, and watermarks between those that 5.10 has.
ZONEINFO = """\
Node 0, zone      DMA
  per-node stats
      nr_inactive_anon 2273
      nr_free_pages 77
  pages free     3840
        boost    0
        min      62
        low      77
        high     92
        promo    107
        spanned  4095
        present  3998
        managed  3840
        cma      0
        protection: (0, 3019, 4043, 4043, 4043)
      nr_free_pages 3840
  pagesets
    cpu: 0
              count:    3
              high:     7856
              batch:    1
              high_min: 38
    cpu: 1
              count:    40
              high:     0
  vm stats threshold: 4
  node_unreclaimable:  0
  start_pfn:           1
Node 1, zone  Movable
  pages free     0
        boost    0
        min      32
        low      32
        high     32
        spanned  0
        present  0
        managed  0
        protection: (0, 0, 0, 0, 0)
"""

PAGETYPEINFO = """\
Page block order: 9
Pages per block:  512

Free pages count per migrate type at order       0      1      2
Node    0, zone   Normal, type    Unmovable      1     22      0
Node    0, zone   Normal, type      Movable >100000      0    288

Number of blocks type     Unmovable      Movable
Node 0, zone   Normal           64          630

Number of mixed blocks    Unmovable      Movable
Node 0, zone   Normal            1            2
"""

IOMEM = """\
00000000-00000fff : Reserved
00100000-3ffdffff : System RAM
  1a200000-1ae023f1 : Kernel code
b0000000-bfffffff : PCI MMCONFIG 0000 [bus 00-ff]
  b0000000-bfffffff : Reserved
    b0000000-bfffffff : pnp 00:04
"""

PARSERS: tuple[Callable[[str], object], ...] = (
    proc_text.parse_zoneinfo,
    proc_text.parse_buddyinfo,
    proc_text.parse_pagetypeinfo,
    proc_text.parse_iomem,
    proc_text.parse_memory_blocks,
    proc_text.parse_meminfo,
    proc_text.parse_vmstat,
    proc_text.parse_version,
    proc_text.parse_block_size,
    proc_text.parse_number,
)
SAMPLES = (
    ZONEINFO,
    PAGETYPEINFO,
    IOMEM,
    "Node 0, zone Normal 1 2",
    "memory1\t1\tonline\tnone\t1\t-",
    "MemTotal: 5 kB",
)


def test_zoneinfo_of_a_new_kernel_is_read() -> None:
    """Watermarks, sizes, start and the sum of the per-cpu lists are each taken from their own line."""
    dma, movable = proc_text.parse_zoneinfo(ZONEINFO)
    assert dma.key == ZoneKey(0, "DMA")
    assert (dma.start_pfn, dma.spanned, dma.present, dma.managed) == (1, 4095, 3998, 3840)
    assert (dma.free, dma.boost, dma.min, dma.low, dma.high) == (3840, 0, 62, 77, 92)
    assert dma.pcp_count == 43
    assert dma.protection == (0, 3019, 4043, 4043, 4043)
    assert dma.end_pfn == 4096
    assert movable.key == ZoneKey(1, "Movable")
    assert (movable.start_pfn, movable.spanned, movable.min) == (0, 0, 32)


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("        min      62\n", "", 'the line "min" is missing'),
        ("present  3998", "present  5000", "each should be at least the one before"),
        ("managed  3840", "managed  3999", "each should be at least the one before"),
        ("Node 1, zone  Movable", "Node 0, zone  DMA", "lists a zone twice"),
        ("spanned  4095", "spanned  99999999999999999999", "no number of 63 bits"),
        ("start_pfn:           1", "start_pfn:           9223372036854775807", "more than 63 bits"),
    ],
)
def test_zoneinfo_that_contradicts_itself_is_refused(old: str, new: str, wrong: str) -> None:
    """The refusal says which line of which zone is wrong."""
    with pytest.raises(InvalidValue, match=wrong):
        proc_text.parse_zoneinfo(ZONEINFO.replace(old, new))


def test_zoneinfo_without_zones_is_refused() -> None:
    """A machine without a zone has no memory."""
    with pytest.raises(InvalidValue, match="lists no zone"):
        proc_text.parse_zoneinfo("")


def test_buddyinfo_is_keyed_by_node_and_zone() -> None:
    """Two nodes may have a zone of the same name."""
    text = "Node 0, zone   Normal      1      2 \nNode 1, zone   Normal      3      4 \n"
    assert proc_text.parse_buddyinfo(text) == {(0, "Normal"): (1, 2), (1, "Normal"): (3, 4)}


@pytest.mark.parametrize(
    "text", ["Node 0, zone DMA x", "zone DMA 1", "Node 0, zone A 1\nNode 0, zone B 1 2", "Node 0, zone A -1"]
)
def test_buddyinfo_that_no_kernel_prints_is_refused(text: str) -> None:
    """Words, missing nodes, tables that are not square, and negative counts are no buddyinfo."""
    with pytest.raises(InvalidValue, match="buddyinfo"):
        proc_text.parse_buddyinfo(text)


def test_pagetypeinfo_is_read_with_its_overflows() -> None:
    """The kernel stops counting at ">100000"; a third table, of mixed blocks, is left alone."""
    types = proc_text.parse_pagetypeinfo(PAGETYPEINFO)
    assert types.pageblock_order == 9
    assert types.free == {(0, "Normal"): {"Unmovable": (1, 22, 0), "Movable": (100000, 0, 288)}}
    assert types.blocks == {(0, "Normal"): {"Unmovable": 64, "Movable": 630}}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Page block order: 9", ""),
        ("Page block order: 9", "Page block order: 60"),
        ("Number of blocks type", "Number"),
        (", type    Unmovable", ""),
        ("          630", ""),
    ],
)
def test_pagetypeinfo_with_a_hole_is_refused(old: str, new: str) -> None:
    """Each of its parts is missed."""
    with pytest.raises(InvalidValue, match="pagetypeinfo"):
        proc_text.parse_pagetypeinfo(PAGETYPEINFO.replace(old, new, 1))


def test_iomem_is_read_with_its_depth() -> None:
    """Ends become exclusive, and indentation becomes depth."""
    ranges = proc_text.parse_iomem(IOMEM)
    assert ranges[1] == IomemRange(0x100000, 0x3FFE0000, "System RAM", 0)
    assert ranges[2] == IomemRange(0x1A200000, 0x1AE023F2, "Kernel code", 1)
    assert [entry.depth for entry in ranges] == [0, 0, 1, 0, 1, 2]


@pytest.mark.parametrize(
    "line", ["RAM", "00-xx : a", "2000-1000 : reversed", "0-ffffffffffffffff : all of it"]
)
def test_iomem_that_no_kernel_prints_is_refused(line: str) -> None:
    """Ranges must be ranges, forwards, and within the addresses that there are."""
    with pytest.raises(InvalidValue, match="iomem"):
        proc_text.parse_iomem(line)


def test_memory_blocks_come_by_rising_id() -> None:
    """The table of capture.py is read, whatever its order; what sysfs lacked is None."""
    text = "memory32\t00000020\toffline\tNormal Movable\t0\tnode1\nmemory4\t00000004\tonline\tnone\t-\t-\n"
    assert proc_text.parse_memory_blocks(text) == (
        CapturedMemoryBlock(4, 4, "online", (), removable=None, node=None),
        CapturedMemoryBlock(32, 32, "offline", ("Normal", "Movable"), removable=False, node=1),
    )


@pytest.mark.parametrize(
    "text",
    [
        "memory1\t1\tonline\tnone\t1",
        "memoryx\t1\tonline\tnone\t1\t-",
        "memory1\txyz\tonline\tnone\t1\t-",
        "memory1\t1\tmelted\tnone\t1\t-",
        "memory1\t1\tonline\tnone\t1\t-\n" * 2,
    ],
)
def test_memory_blocks_that_do_not_exist_are_refused(text: str) -> None:
    """Columns that are missing, names, numbers and states that no kernel has, and repetitions are refused."""
    with pytest.raises(InvalidValue, match="memory blocks"):
        proc_text.parse_memory_blocks(text)


def test_small_files_are_read() -> None:
    """Kilobytes become bytes, counts stay; counters that wrapped around are left out."""
    assert proc_text.parse_meminfo("MemTotal:  10 kB\nHugePages_Total:  3\n") == {
        "MemTotal": 10240,
        "HugePages_Total": 3,
    }
    assert proc_text.parse_vmstat("pgfree 7\nnr_x 18446744073709551615\n\n") == {"pgfree": 7}
    assert proc_text.parse_version("Linux version 6.1.0-56-amd64 (who)") == "6.1.0-56-amd64"
    assert proc_text.parse_block_size("8000000\n") == 128 << 20
    assert proc_text.parse_number("67584\n") == 67584


@pytest.mark.parametrize(
    "parse",
    [proc_text.parse_version, proc_text.parse_block_size, proc_text.parse_number, proc_text.parse_zoneinfo],
)
def test_small_files_of_nonsense_are_refused(parse: Callable[[str], object]) -> None:
    """What cannot be read is quoted, but not at length."""
    with pytest.raises(InvalidValue) as caught:
        parse("nonsense " * 1000)
    assert len(caught.value.detail) < 400


@given(st.sampled_from(SAMPLES), st.data())
@example(ZONEINFO, None)
def test_damaged_texts_raise_nothing_else(sample: str, data: st.DataObject | None) -> None:
    """Whatever is cut out of a text, or put into it, every parser answers or refuses it by InvalidValue."""
    if data is not None:
        start = data.draw(st.integers(0, len(sample)))
        end = data.draw(st.integers(start, min(len(sample), start + 40)))
        alphabet = st.one_of(st.sampled_from(" \n\t0123456789-:,()>"), st.characters())
        sample = sample[:start] + data.draw(st.text(alphabet, max_size=30)) + sample[end:]
    for parse in PARSERS:
        with contextlib.suppress(InvalidValue):
            assert parse(sample) is not None
