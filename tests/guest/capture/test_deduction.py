"""Deduction: each step takes into account what the one before has found."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.guest.capture.deduction import Deduction
from app.guest.capture.guess import PerCpuAssumption
from app.guest.capture.machine import CapturedMachine
from app.guest.capture.pages import CapturedPages
from app.guest.capture.plan import (
    CapturedDevice,
    CaptureOptions,
    facts_of_memory_blocks,
    geometry_of,
    plan_devices,
    zones_of_pageblocks,
)
from app.guest.capture.report import LoadReport
from app.mm.page import Migratetype
from app.mm.policies.policy import policy
from tests.captures import machines as m

AUTO = PerCpuAssumption.AUTO
# The first pageblock of the device's memory, behind one memory block of boot memory.
FIRST = m.BLOCK // m.PAGEBLOCK


def deduce(machine: CapturedMachine) -> tuple[Deduction, list[CapturedDevice], LoadReport]:
    """Returns the deduction of a machine, its devices, and the report that it writes into."""
    geometry = geometry_of(machine)
    census = CapturedPages(machine, geometry).take_census()
    zones = zones_of_pageblocks(machine, geometry, census.absent < census.pageblock_nr_pages)
    report = LoadReport(machine)
    deduction = Deduction(machine, geometry, census=census, zones=zones, report=report)
    facts = facts_of_memory_blocks(geometry, zones, deduction.census.reserved)
    options = CaptureOptions(name="test", fallback=("memory_block", "pageblock"))
    kernel_policy = policy("linux-5.19")
    return (
        deduction,
        plan_devices(machine, geometry, options, facts=facts, kernel_policy=kernel_policy),
        report,
    )


def pageblock(number: int, used: int = m.PAGEBLOCK, flags: int = m.UNMARKED) -> m.Part:
    """Returns the part that fills the first `used` pages of a pageblock of the device's memory."""
    return (number * m.PAGEBLOCK, number * m.PAGEBLOCK + used, flags)


def places(pageblocks: NDArray[np.int64]) -> list[int]:
    """Returns pageblocks by their number in the device's memory."""
    return [int(number) - FIRST for number in pageblocks]


def test_memmaps_are_no_per_cpu_pages() -> None:
    """Of wholly unmarked pageblocks, the lowest are the memmaps of later blocks; the rest may be per-cpu pages."""
    machine = m.with_pcp(
        m.guest_machine(pageblock(0), pageblock(1), pageblock(20), pageblock(21, 7), nr_blocks=3), Normal=1000
    )
    deduction, devices, report = deduce(machine)
    memmaps = deduction.guess_memmaps(devices)
    assert memmaps == {2: [FIRST], 3: [FIRST + 1]}
    assert places(deduction.guess_per_cpu(AUTO, memmaps)) == [20, 21]
    assert report.nr_memmaps == 2


def test_per_cpu_pages_make_no_pageblock_unmovable() -> None:
    """Types are placed by the pages that are left as the kernel's."""
    parts = (pageblock(4, 500), pageblock(9, 20))
    machine = m.with_pcp(m.guest_machine(*parts), Normal=500)
    deduction, _, _ = deduce(
        replace(machine, pagetypeinfo=m.types({"Normal": {"Unmovable": 1, "Movable": 127}}))
    )
    per_cpu = deduction.guess_per_cpu(AUTO, {})
    assert places(per_cpu) == [9]
    types = deduction.guess_types(per_cpu)
    assert places(np.flatnonzero(types == Migratetype.UNMOVABLE)) == [4]
    assert places(np.flatnonzero(deduction.guess_types(np.array([FIRST + 4])) == Migratetype.UNMOVABLE)) == [
        9
    ]


def test_movable_memory_holds_no_kernel_pages() -> None:
    """In ZONE_MOVABLE all unmarked pages are per-cpu pages, if about as many were counted, and none is a memmap."""
    machine = m.guest_machine(pageblock(0), pageblock(70, 3), zones=("Normal", "Movable"))
    deduction, devices, report = deduce(machine)
    memmaps = deduction.guess_memmaps(devices)
    assert memmaps == {2: [FIRST]}
    assert places(deduction.guess_per_cpu(AUTO, memmaps)) == [70]
    machine = m.guest_machine(pageblock(64), pageblock(70, 3), zones=("Normal", "Movable"))
    machine = m.with_pcp(machine, Movable=3)
    deduction, devices, report = deduce(machine)
    assert deduction.guess_memmaps(devices) == {}
    assert places(deduction.guess_per_cpu(AUTO, {})) == [64, 70]
    assert places(deduction.guess_per_cpu(PerCpuAssumption.NONE, {})) == []
    assert report.per_cpu[0] == {"zone": "Movable", "counted_pages": 3, "assumed_pages": 515}
    deduction, _, _ = deduce(m.with_pcp(machine, Movable=2))
    assert places(deduction.guess_per_cpu(AUTO, {})) == []


def test_memory_that_the_buddy_never_had_is_reserved_for_the_rest() -> None:
    """Once zoneinfo's managed pages are used up, wholly unmarked memory is neither memmap nor per-cpu pages."""
    parts = [pageblock(number) for number in range(10, 20)]
    machine = m.guest_machine(*parts, nr_blocks=2)
    zones = tuple(
        row._replace(managed=row.managed - 8 * m.PAGEBLOCK) if row.name == "Normal" else row
        for row in machine.zones
    )
    deduction, devices, report = deduce(replace(machine, zones=zones))
    assert places(deduction.unmanaged) == list(range(10, 18))
    assert report.nr_unmanaged == 8 * m.PAGEBLOCK
    assert deduction.census.reserved[FIRST + 10 : FIRST + 20].tolist() == [m.PAGEBLOCK] * 8 + [0] * 2
    assert deduction.guess_memmaps(devices) == {2: [FIRST + 18]}


def test_unplugged_memory_is_that_of_the_devices() -> None:
    """Whole sub-blocks that are offline, in memory that a driver added; boot memory has none."""
    machine = m.guest_machine(pageblock(3, flags=m.OFFLINE), pageblock(5, 100, m.OFFLINE))
    deduction, devices, _ = deduce(machine)
    assert places(deduction.find_unplugged(devices)) == [3]
    assert places(deduction.find_unplugged([])) == []


def test_memmaps_of_two_devices_are_different_pageblocks() -> None:
    """What is one block's memmap is not another's."""
    machine = m.guest_machine(pageblock(0), pageblock(64), pageblock(65), nr_blocks=4)
    size = m.BLOCK_SIZE
    iomem = (*m.virtio(size, 2 * size, 2 * size), *m.virtio(3 * size, 2 * size, 2 * size))
    deduction, devices, _ = deduce(replace(machine, iomem=iomem))
    memmaps = deduction.guess_memmaps(devices)
    assert len({pageblock for found in memmaps.values() for pageblock in found}) == len(memmaps) == 3


def test_corrections_list_memmaps_in_order() -> None:
    """All that was deduced, as the loading of pages takes it."""
    deduction, _, _ = deduce(m.guest_machine(pageblock(3)))
    some = np.array([FIRST], np.int64)
    corrections = deduction.corrections(per_cpu=some, memmaps={2: [9, 8], 1: [3]}, unplugged=some)
    assert corrections.memmaps.tolist() == [3, 8, 9]
    assert corrections.unmanaged.tolist() == []
