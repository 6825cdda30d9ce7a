"""Guests, devices and outcomes as tables: what each of them must tell."""

import pytest

from clients.models import (
    Device,
    Guest,
    MemoryBlocks,
    Outcome,
    Verification,
)
from clients.vmemctl import tables
from tests.clients import recorded
from tests.clients.vmemctl.terminal import shown

GUEST = Guest.model_validate(recorded.GUEST)


def test_guest_table_has_a_line_for_each_guest() -> None:
    """Name, kernel, and how much it has."""
    text = shown(tables.guest_table([GUEST]))
    for words in ("web", "x86-64", "linux-5.19", "3 GiB", "1.15 GiB", "2 GiB"):
        assert words in text


def test_guest_table_of_none_says_what_to_do() -> None:
    """An empty table would be a riddle."""
    assert "vmemctl create" in shown(tables.guest_table([]))


def test_guest_details_show_zones_devices_and_allocations() -> None:
    """All that is known of a guest, without the members that it does not have."""
    text = shown(tables.guest_details(GUEST))
    for words in (
        "online_kernel",
        "Normal",
        "12 MiB",
        "vm0",
        "15 kernel, 1 kernel_partial",
        "slab",
        "1.5 ms",
    ):
        assert words in text
    bare = GUEST.model_copy(update={"allocations": (), "preset": None, "boot_size": None})
    assert "allocation" not in shown(tables.guest_details(bare))
    assert "boot memory" not in shown(tables.guest_details(bare))


def test_device_table_shows_what_the_driver_is_at() -> None:
    """A driver that waits tells for how long; one that is not told of is a dash."""
    waiting = {**recorded.DEVICE, "driver": {"state": "waiting_retry", "retry_ms": 50000}}
    assert "waiting_retry 50 s" in shown(tables.device_table([Device.model_validate(waiting)]))
    silent = Device.model_validate({**recorded.DEVICE, "driver": None, "blocks": {}})
    assert tables.driver_state(silent) == "-"


@pytest.mark.parametrize(
    ("part", "whole", "cells"), [(0, 8, 0), (1, 10**12, 1), (4, 8, 10), (8, 8, 20), (9, 8, 20), (1, 0, 0)]
)
def test_fill_bar_shows_the_part(part: int, whole: int, cells: int) -> None:
    """Anything above nothing is seen, and a bar is never longer than itself."""
    bar = tables.fill_bar(part, whole).plain
    assert bar.count("█") == cells
    assert len(bar) == 20


def test_outcome_table_tells_asked_got_levels_and_obstacles() -> None:
    """A partial unplug reads as one."""
    text = shown(tables.outcome_table(Outcome.model_validate(recorded.OUTCOME)))
    assert "partial: 126 MiB of 128 MiB; plugged 2 MiB, requested 0 B; 17 pages migrated" in text
    assert "0x100000" in text
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    assert lines["chunk"] == ["124", "MiB", "32", "1"]
    assert lines["pageblock"] == ["2", "MiB", "2", "1"]


def test_outcome_table_tells_types_that_were_lost() -> None:
    """Only where there are any."""
    lost = recorded.OUTCOME | {"types_lost": {"UNMOVABLE->MOVABLE": 3, "CMA->MOVABLE": 1}}
    told = "pageblocks that lost their type: 3 UNMOVABLE->MOVABLE, 1 CMA->MOVABLE"
    assert told in " ".join(shown(tables.outcome_table(Outcome.model_validate(lost))).split())
    assert "lost" not in shown(tables.outcome_table(Outcome.model_validate(recorded.OUTCOME)))


def test_outcome_table_of_a_plug_has_no_obstacles() -> None:
    """What went well is short."""
    text = shown(tables.outcome_table(Outcome.model_validate({**recorded.DONE, "by_level": {}})))
    assert text.startswith("done: 128 MiB of 128 MiB")
    assert "what stays" not in text


def test_memory_block_table_puts_equal_blocks_together() -> None:
    """Blocks 0 and 1 are one line; block 32 is another, because there is a gap and a device."""
    lines = shown(tables.memory_block_table(MemoryBlocks.model_validate(recorded.MEMORY_BLOCKS))).splitlines()
    assert any(line.split()[:4] == ["0-1", "2", "256", "MiB"] for line in lines)
    assert any(line.split()[:4] == ["32", "1", "128", "MiB"] and "vm0" in line for line in lines)


def test_memory_block_table_keeps_a_gap() -> None:
    """Blocks that are alike but not in a row are two runs."""
    block = recorded.MEMORY_BLOCKS["memory_blocks"][0]
    gapped = {"memory_block_size": 1, "memory_blocks": [block, {**block, "id": 5}]}
    text = shown(tables.memory_block_table(MemoryBlocks.model_validate(gapped)))
    assert "0-5" not in text


def test_violation_table_names_each_broken_law() -> None:
    """A sound guest is said to be sound."""
    assert "sound" in shown(tables.violation_table(Verification(violations=())))
    broken = Verification.model_validate({"violations": [recorded.VIOLATION]})
    assert "INV-4" in shown(tables.violation_table(broken))


def test_violation_table_shows_findings_apart() -> None:
    """Failures come first; a heading without a line below it is left out."""
    both = Verification.model_validate({"violations": [recorded.FINDING, recorded.VIOLATION]})
    text = shown(tables.violation_table(both))
    assert text.index("failures") < text.index("INV-4") < text.index("findings") < text.index("INV-8")
    finding = Verification.model_validate({"violations": [recorded.FINDING]})
    assert "failures" not in shown(tables.violation_table(finding))


@pytest.mark.parametrize(("time_us", "text"), [(5, "5 us"), (1500, "1.5 ms"), (2_500_000, "2.5 s")])
def test_format_us_chooses_the_unit(time_us: float, text: str) -> None:
    """Simulated times span from microseconds to minutes."""
    assert tables.format_us(time_us) == text
