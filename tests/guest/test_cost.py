"""The cost model: calibrated against the measured guest, exact, and dear where a real one is."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.guest.cost import (
    HYPERALLOC_2025,
    HYPERALLOC_2025_VFIO,
    CostProfile,
    Pace,
    Work,
    charging_contig,
    cost_ns,
    hotplug_ns,
    work_of_contig,
    work_of_pass,
)
from app.mm.geometry import preset
from app.mm.outcome import ContigOutcome, Errno
from app.units import GIB, MIB
from app.virtio_mem.driver.report import PassCounts

X86 = preset("x86-64")
NR_BLOCKS = 18 * GIB // (128 * MIB)
# HyperAlloc's artifact, medians of ten: 18 GiB between 2 and 20 GiB, online_movable, nothing to migrate.
GROW_MS, SHRINK_UNTOUCHED_MS, SHRINK_TOUCHED_MS = 196.7, 474, 581
# The same with a device assigned by VFIO.
VFIO_GROW_MS, VFIO_SHRINK_UNTOUCHED_MS, VFIO_SHRINK_TOUCHED_MS = 4207, 838, 881
GROWN = PassCounts(
    device_requests=NR_BLOCKS,
    plugged_bytes=18 * GIB,
    memory_blocks_added=NR_BLOCKS,
    memory_blocks_onlined=NR_BLOCKS,
)
SHRUNK = PassCounts(
    contig_calls=NR_BLOCKS,
    contig_drains=NR_BLOCKS,
    isolated_pageblocks=64 * NR_BLOCKS,
    nr_marked=18 * GIB // 4096,
    device_requests=NR_BLOCKS,
    unplugged_bytes=18 * GIB,
    memory_blocks_offlined=NR_BLOCKS,
    memory_blocks_removed=NR_BLOCKS,
)


def milliseconds(
    counts: PassCounts, bytes_discarded: int = 0, profile: CostProfile = HYPERALLOC_2025
) -> float:
    """Returns what a pass costs, in ms."""
    return cost_ns(profile, X86, work_of_pass(counts, X86, bytes_discarded=bytes_discarded)) / 1e6


def test_calibration_grow_is_as_measured() -> None:
    """Growing by 18 GiB takes what the measured guest took, within 20 %."""
    assert milliseconds(GROWN) == pytest.approx(GROW_MS, rel=0.2)


def test_calibration_shrink_is_as_measured() -> None:
    """Shrinking by 18 GiB does, memory untouched or touched."""
    assert milliseconds(SHRUNK) == pytest.approx(SHRINK_UNTOUCHED_MS, rel=0.2)
    assert milliseconds(SHRUNK, 18 * GIB) == pytest.approx(SHRINK_TOUCHED_MS, rel=0.2)
    assert milliseconds(SHRUNK, 18 * GIB) - milliseconds(SHRUNK) == pytest.approx(107, rel=0.01)


def test_calibration_with_vfio_is_as_measured() -> None:
    """A device assigned by VFIO makes growing twenty times as dear, within 20 % of what was measured."""
    profile = HYPERALLOC_2025_VFIO
    assert milliseconds(GROWN, profile=profile) == pytest.approx(VFIO_GROW_MS, rel=0.2)
    assert milliseconds(SHRUNK, profile=profile) == pytest.approx(VFIO_SHRINK_UNTOUCHED_MS, rel=0.2)
    assert milliseconds(SHRUNK, 18 * GIB, profile) == pytest.approx(VFIO_SHRINK_TOUCHED_MS, rel=0.2)


def test_migration_cost_is_the_measured_table() -> None:
    """Measured orders are exact, those between them rise, a larger page costs as its parts of 2 MiB."""
    measured = {0: 1240, 2: 2920, 4: 9840, 6: 37400, 8: 147000, 9: 190000, 10: 380000}
    costs = [HYPERALLOC_2025.migrate_page_ns(4096 << order) for order in range(11)]
    assert {order: costs[order] for order in measured} == measured
    assert costs == sorted(costs)


def test_failed_isolation_is_cheap() -> None:
    """A call that stops at isolation neither drains nor scans; one that stops later did (S14, S15)."""
    at_isolation = work_of_contig(ContigOutcome(Errno.EBUSY, "isolate"), X86, 512)
    at_test = work_of_contig(ContigOutcome(Errno.EBUSY, "test", nr_pageblocks=1), X86, 512)
    cheap, dear = (cost_ns(HYPERALLOC_2025, X86, work) for work in (at_isolation, at_test))
    assert cheap == HYPERALLOC_2025.contig_call_ns
    assert dear > 10 * cheap


def test_migration_of_base_pages_dominates() -> None:
    """512 base pages cost more than three times one huge page of the same size."""
    base = work_of_contig(ContigOutcome(Errno.OK, nr_migrated=512), X86, 512)
    huge = work_of_contig(ContigOutcome(Errno.OK, nr_migrated=512, nr_migrated_huge=512, nr_huge=1), X86, 512)
    assert base.base_pages_migrated == 512
    assert huge.base_pages_migrated == 0
    difference = cost_ns(HYPERALLOC_2025, X86, base) - cost_ns(HYPERALLOC_2025, X86, huge)
    assert difference == 512 * 1240 - 190000


@given(
    first=st.lists(st.integers(0, 2**30), min_size=15, max_size=15),
    factor=st.integers(0, 7),
)
def test_cost_is_linear_in_counts(first: list[int], factor: int) -> None:
    """N times the work costs N times the time, but for bytes that are cut to whole nanoseconds."""
    work = Work(*first)._replace(huge_runs_migrated=0, huge_run_pages=0)
    whole = Work(*(count * factor for count in work))
    assert (
        abs(cost_ns(HYPERALLOC_2025, X86, whole) - factor * cost_ns(HYPERALLOC_2025, X86, work)) <= 2 * factor
    )


def test_hotplug_scales_with_bytes() -> None:
    """A memory block of 2 GiB costs as sixteen of 128 MiB, and a dearer profile more."""
    small, large = Work(bytes_added=128 * MIB), Work(bytes_added=2 * GIB)
    assert hotplug_ns(HYPERALLOC_2025, large) == 16 * hotplug_ns(HYPERALLOC_2025, small)
    dearer = replace(HYPERALLOC_2025, add_ns=2 * HYPERALLOC_2025.add_ns)
    assert hotplug_ns(dearer, small) == 2 * hotplug_ns(HYPERALLOC_2025, small)


def test_contiguous_call_is_charged_as_its_work() -> None:
    """A clock goes on by what one call over so many pages costs."""
    spent: list[int] = []
    outcome = ContigOutcome(Errno.OK, nr_migrated=7, nr_pageblocks=1)
    charging_contig(spent.append, HYPERALLOC_2025, X86, Pace())(outcome, 512)
    assert spent == [cost_ns(HYPERALLOC_2025, X86, work_of_contig(outcome, X86, 512))]


def test_lost_time_is_taken_once() -> None:
    """Delays add up until somebody takes them; being slow does not stretch them."""
    pace = Pace(slowness=3)
    pace.delay_ns += 5
    pace.delay_ns += 7
    assert pace.stretch(10) == 30
    assert (pace.take_delay_ns(), pace.take_delay_ns()) == (12, 0)
