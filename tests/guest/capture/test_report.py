"""The load report: what was captured beside what was loaded, and a sentence for each thing assumed."""

import json
from dataclasses import replace
from typing import Any

import pytest

from app.guest.capture.loader import load_capture
from app.guest.capture.machine import CapturedMachine
from app.guest.capture.plan import CaptureOptions
from app.guest.capture.proc_text import ZoneKey
from app.trace.sink import RingSink
from tests.captures import machines as m

DMA32, NORMAL = ZoneKey(0, "DMA32"), ZoneKey(0, "Normal")


def report_of(machine: CapturedMachine, **options: object) -> dict[str, Any]:
    """Returns the report of loading a machine."""
    told = CaptureOptions(name="test", **options)  # type: ignore[arg-type]  # tests name the members
    return load_capture(machine, told, sink=RingSink(100))[1]


def zone_row(report: dict[str, Any], name: str) -> dict[str, Any]:
    """Returns what the report says of a zone."""
    return next(row for row in report["zones"] if row["zone"] == name)


def notes_of(machine: CapturedMachine, **options: object) -> str:
    """Returns all notes of the report."""
    return " ".join(report_of(machine, **options)["notes"])


def test_report_names_the_machine_and_its_pages() -> None:
    """Release, policy, page size, and pages by kind; it can be written as JSON."""
    report = report_of(m.guest_machine((0, 5, m.ANON), (600, 603, m.PIN), (700, 702, m.SLAB)))
    assert (report["kernel_release"], report["policy"], report["page_size"]) == (
        "6.1.0-56-amd64",
        "linux-5.19",
        4096,
    )
    assert report["pages"] == {"free": 3 * m.BLOCK - 10, "anon": 5, "pinned": 3, "unmovable": 2}
    assert json.loads(json.dumps(report)) == report


def test_report_compares_free_lists_by_order() -> None:
    """Entries of each order as buddyinfo counted them, and as they were loaded; so too free and managed pages."""
    machine = m.guest_machine((1, 2, m.ANON), nr_blocks=1)
    counts = (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 31)
    rows = [row._replace(free=m.BLOCK - 1) if row.name == "Normal" else row for row in machine.zones]
    machine = replace(machine, zones=tuple(rows), buddyinfo={DMA32: (0,) * 11, NORMAL: counts})
    report = report_of(machine)
    assert zone_row(report, "Normal") == {
        "zone": "Normal",
        "free_pages": {"captured": m.BLOCK - 1, "loaded": m.BLOCK - 1},
        "managed_pages": {"captured": m.BLOCK, "loaded": m.BLOCK},
        "buddyinfo": {"captured": list(counts), "loaded": list(counts)},
    }
    assert zone_row(report, "DMA32")["buddyinfo"] == {"captured": [0] * 11, "loaded": [0] * 10 + [32]}


def test_report_shows_how_a_live_machine_moved() -> None:
    """The free lists before the pages were read, after it, and as loaded."""
    before, after = (3,) + (0,) * 10, (5,) + (0,) * 10
    machine = replace(
        m.guest_machine(),
        buddyinfo={NORMAL: before},
        buddyinfo_after={NORMAL: after, ZoneKey(1, "Normal"): after},
    )
    lists = zone_row(report_of(machine), "Normal")["buddyinfo"]
    assert list(lists) == ["captured", "captured_after", "loaded"]
    assert (lists["captured"][0], lists["captured_after"][0]) == (3, 10)


def test_report_lists_devices_with_what_is_plugged() -> None:
    """Address, region, plugged bytes and memory blocks of each device."""
    report = report_of(m.guest_machine((0, 512, m.OFFLINE)))
    assert report["devices"] == [
        {
            "id": "vm0",
            "addr": m.BLOCK_SIZE,
            "region_size": 2 * m.BLOCK_SIZE,
            "size": 2 * m.BLOCK_SIZE - (2 << 20),
            "memory_blocks": 2,
        }
    ]


def test_report_counts_what_was_assumed() -> None:
    """Per-cpu pages by zone, memmaps, pages not given to the buddy, pins, and types without a place."""
    machine = m.guest_machine((0, 512, m.UNMARKED), (600, 610, m.UNMARKED), (1024, 1124, m.ANON))
    machine = m.with_pcp(machine, Normal=12)
    machine = replace(machine, pagetypeinfo=m.types({"Normal": {"Unmovable": 1, "HighAtomic": 2}}))
    assumed = report_of(machine, pinned_fraction=0.25)["assumed"]
    assert assumed == {
        "per_cpu": [{"zone": "Normal", "counted_pages": 12, "assumed_pages": 10}],
        "memmap_pageblocks": 1,
        "unmanaged_pages": 0,
        "pinned_pages": 25,
        "pageblock_types_unplaced": 2,
    }


def test_note_on_pins_is_always_there() -> None:
    """Flags show few pins, on every machine."""
    assert "pinned" in notes_of(m.guest_machine())


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (m.with_pcp(m.guest_machine(), Normal=9), "per-cpu lists"),
        (replace(m.guest_machine(), pagetypeinfo=None), "Without pagetypeinfo"),
        (m.machine_of(m.paint(m.BLOCK)), "iomem shows no virtio-mem device"),
        (m.machine_of(m.paint(m.BLOCK, (0, 1, m.RESERVED))), "No memory of a virtio-mem device"),
        (
            m.machine_of(m.paint(m.BLOCK), zones=(m.zone("Normal", 0, m.BLOCK, min=99, low=98),)),
            "The watermarks do not follow",
        ),
        (m.guest_machine((5, 12, m.OFFLINE)), "7 pages are offline"),
        (m.guest_machine((m.BLOCK, m.BLOCK + 512, m.NOPAGE)), "1 memory blocks of a device came or went"),
        (
            m.machine_of(
                m.paint(m.BLOCK), zones=(m.zone("Normal", 0, 99), m.zone("Normal", 99, m.BLOCK, node=1))
            ),
            "several NUMA nodes",
        ),
        (
            m.machine_of(
                m.paint(m.BLOCK, rest=m.UNMARKED), zones=(m.zone("Normal", 0, m.BLOCK, managed=512),)
            ),
            f"{m.BLOCK - 512} pages are present",
        ),
    ],
    ids=["per_cpu", "policy", "types", "chosen", "no device", "balloon", "strangers", "nodes", "unmanaged"],
)
def test_notes_say_what_cannot_be_told(machine: CapturedMachine, words: str) -> None:
    """Each thing that a capture leaves open has its sentence, and only where it is so."""
    assert words in notes_of(machine)
    assert words not in notes_of(m.guest_machine())
