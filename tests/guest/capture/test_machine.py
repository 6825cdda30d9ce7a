"""Captured machines: runs give their pages back, and parts of different machines are refused."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidValue
from app.guest.capture.decoder import decode_capture
from app.guest.capture.machine import CapturedMachine
from tests.guest.capture_files import REAL_CAPTURES, Run, capture_file, expand, texts_for, zoneinfo_text

NOPAGE = 1 << 20
RUNS = st.lists(
    st.builds(Run, st.integers(1, 40), st.sampled_from([0, 1 << 10, 1 << 32, NOPAGE]), st.integers(0, 2)),
    min_size=1,
    max_size=30,
)
MEMORY = "sys/devices/system/memory"
ONE_BLOCK = "memory0\t00000000\tonline\tNormal\t1\tnode0\n"


def decode(data: bytes) -> CapturedMachine:
    """Decodes a capture that is in memory."""
    return decode_capture(io.BytesIO(data))


@given(RUNS, st.integers(0, 1300), st.integers(0, 1300))
def test_pages_of_a_range_are_those_of_its_runs(runs: Sequence[Run], start_pfn: int, end_pfn: int) -> None:
    """Any range expands to the pages that the runs were made of; behind the last page there is none."""
    machine = decode(capture_file(runs))
    flags, counts = expand(runs)
    width = max(end_pfn - start_pfn, 0)
    expected = np.full(width, NOPAGE, np.uint64)
    known = flags[start_pfn:end_pfn] if width else flags[:0]
    expected[: known.size] = known
    assert np.array_equal(machine.flags_of(start_pfn, end_pfn), expected)
    expected_counts = np.zeros(width, np.uint32)
    expected_counts[: known.size] = counts[start_pfn:end_pfn] if width else counts[:0]
    assert np.array_equal(machine.counts_of(start_pfn, end_pfn), expected_counts)


@given(RUNS, st.integers(0, 1300), st.integers(0, 1300))
def test_runs_of_a_range_are_cut_to_it(runs: Sequence[Run], start_pfn: int, end_pfn: int) -> None:
    """Runs of a range follow each other from its start to its end, or to the last page; none is empty."""
    machine = decode(capture_file(runs))
    found = machine.runs_in(start_pfn, end_pfn)
    last_pfn = min(end_pfn, machine.nr_pages)
    assert int(found.nr_pages.sum()) == max(last_pfn - start_pfn, 0)
    assert (found.nr_pages > 0).all()
    if found.nr_pages.size:
        assert found.start_pfn[0] == start_pfn
        assert np.array_equal(found.start_pfn[1:], (found.start_pfn + found.nr_pages)[:-1])
    assert int(machine.run_lengths().sum()) == machine.nr_pages


def test_real_guest_is_read_whole() -> None:
    """A recorded guest's tables and pages are there, with their real values."""
    with (REAL_CAPTURES / "6.1-mixed-zero.vmem").open("rb") as file:
        machine = decode_capture(file)
    assert (machine.page_size, machine.nr_pages, machine.nr_runs) == (4096, 1376256, 69614)
    assert machine.kernel_release == "6.1.0-56-amd64"
    assert machine.cmdline == "memhp_default_state=online_kernel"
    assert machine.auto_online_blocks == "online_kernel"
    assert machine.memory_block_size == 128 << 20
    assert [block.id for block in machine.memory_blocks if block.valid_zones == ("Normal",)] == [
        32,
        33,
        34,
        35,
        36,
        40,
        41,
    ]
    assert [zone.name for zone in machine.zones] == ["DMA", "DMA32", "Normal", "Movable", "Device"]
    assert machine.buddyinfo[machine.zones[2].key] == (92, 29, 15, 11, 12, 4, 4, 2, 3, 4, 3)
    assert machine.buddyinfo_after is None
    assert machine.min_free_kbytes == 67584
    assert (machine.is_live, machine.capture_seconds) == (False, None)
    device = [entry for entry in machine.iomem if entry.name == "System RAM (virtio_mem)"]
    assert [(entry.start, entry.end) for entry in device] == [
        (0x100000000, 0x128000000),
        (0x140000000, 0x150000000),
    ]


@pytest.mark.parametrize(
    ("texts", "wrong"),
    [
        ({"proc/zoneinfo": zoneinfo_text(1025)}, "a zone up to pfn 1025"),
        ({"proc/buddyinfo": "Node 0, zone Movable 1"}, "zones of buddyinfo that zoneinfo lacks"),
        ({"proc/buddyinfo": "Node 0, zone Normal" + " 1" * 21}, "more than 20 orders"),
        ({MEMORY: ONE_BLOCK}, "memory blocks of None bytes"),
        ({MEMORY: ONE_BLOCK, f"{MEMORY}/block_size_bytes": "300000"}, "memory blocks of 3145728 bytes"),
        ({MEMORY: ONE_BLOCK, f"{MEMORY}/block_size_bytes": "800000"}, "memory block 0 online, but flags of"),
        ({"proc/iomem": "00000000-001fffff : System RAM"}, "4194304 bytes of RAM in pages of 4096"),
    ],
)
def test_parts_of_different_machines_are_refused(texts: dict[str, str], wrong: str) -> None:
    """A machine of 1024 pages of 4 KiB cannot have what another one has."""
    data = capture_file([Run(1024, 0, 0)], texts={**texts_for(1024), **texts})
    with pytest.raises(InvalidValue, match=wrong):
        decode(data)


@pytest.mark.parametrize(
    "texts",
    [
        {"proc/iomem": "00000000-003fffff : System RAM"},
        {"proc/iomem": "00000000-00000000 : System RAM"},
        {MEMORY: ONE_BLOCK, f"{MEMORY}/block_size_bytes": "400000\n"},
    ],
)
def test_parts_of_one_machine_are_accepted(texts: dict[str, str]) -> None:
    """RAM that fits, RAM whose addresses are not told, and a memory block of 1024 pages are in order."""
    assert decode(capture_file([Run(1024, 0, 0)], texts=texts)).nr_pages == 1024


def test_zones_of_a_name_are_those_of_every_node() -> None:
    """Each node may have one; a name that no zone has gives none."""
    two = zoneinfo_text(64) + zoneinfo_text(64).replace("Node 0", "Node 1")
    machine = decode(capture_file([Run(64, 0, 0)], texts={"proc/zoneinfo": two}))
    assert [zone.node for zone in machine.zones_named("Normal")] == [0, 1]
    assert machine.zones_named("Movable") == ()


def test_memory_blocks_of_one_place_are_refused() -> None:
    """Two names for one range of memory cannot both be true."""
    blocks = {
        MEMORY: ONE_BLOCK + ONE_BLOCK.replace("memory0", "memory1"),
        f"{MEMORY}/block_size_bytes": "1000",
    }
    with pytest.raises(InvalidValue, match="two memory blocks"):
        decode(capture_file([Run(64, 0, 0)], texts=blocks))
