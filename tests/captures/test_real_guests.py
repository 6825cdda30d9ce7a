"""Acceptance: a loaded guest that is asked for the same size does what the recorded one then did.

The recorded kernels have two levels. The middle level of the default must not change what stays plugged.
"""

import pytest

from app.guest.why.explain import copy_subject, explain
from app.guest.why.explain_view import describe_explanation
from app.guest.why.forecast import Question, copy_for_forecast, forecast
from app.mm.policies.policy import POLICIES
from app.mm.policies.switches import FALLBACKS
from app.mm.zone import ZoneId
from tests.captures.real_guests import (
    MORE_NAMES,
    LoadedGuest,
    blocks_of,
    read_machine,
    read_outcome,
    recorded_calls,
)
from tests.guest.capture_files import REAL_NAMES

KERNEL_FALLBACK = ("memory_block", "pageblock")
MAIN_GUESTS = pytest.mark.parametrize("name", REAL_NAMES)
ALL_GUESTS = pytest.mark.parametrize("name", REAL_NAMES + MORE_NAMES)
ALL_FALLBACKS = pytest.mark.parametrize("fallback", [KERNEL_FALLBACK, FALLBACKS[0]], ids=["two", "three"])
REQUIRED_SHARE = 0.97


@ALL_GUESTS
@ALL_FALLBACKS
def test_loaded_guest_begins_as_recorded(name: str, fallback: tuple[str, ...]) -> None:
    """The device blocks plugged before are those recorded, and the guest breaks no law."""
    loaded, outcome = LoadedGuest(name, fallback), read_outcome(name)
    assert (loaded.plugged_blocks() == blocks_of(outcome["plugged_blocks_before"])).all()
    assert loaded.device.plugged_size == outcome["plugged_bytes_before"]
    assert loaded.guest.verify() == []


@ALL_GUESTS
@ALL_FALLBACKS
def test_unplug_leaves_the_blocks_that_really_stayed(name: str, fallback: tuple[str, ...]) -> None:
    """Of the sub-blocks plugged before, at least 97 % end as recorded; the plugged bytes agree."""
    loaded, outcome = LoadedGuest(name, fallback), read_outcome(name)
    was_plugged = loaded.plugged_blocks()
    answer = loaded.guest.resize("vm0", outcome["requested_after"])
    agree = loaded.plugged_blocks() == blocks_of(outcome["plugged_blocks_after"])
    per_subblock = outcome["sub_block_bytes"] // outcome["device_block_size"]
    subblocks = agree.reshape(-1, per_subblock).all(1)[was_plugged.reshape(-1, per_subblock).any(1)]
    assert subblocks.mean() >= REQUIRED_SHARE
    assert answer["size"] == outcome["plugged_bytes_after"]
    assert (answer["state"] == "done") == (outcome["plugged_bytes_after"] == outcome["requested_after"])
    assert loaded.guest.verify() == []


@ALL_GUESTS
def test_unplug_makes_the_calls_that_were_recorded(name: str) -> None:
    """With the kernel's levels, every alloc_contig_range() call and its result is as recorded, second passes too."""
    loaded, outcome = LoadedGuest(name, KERNEL_FALLBACK), read_outcome(name)
    loaded.guest.resize("vm0", outcome["requested_after"])
    assert loaded.contig_calls() == list(recorded_calls(outcome))


@MAIN_GUESTS
def test_unplug_removes_the_memory_blocks_that_went(name: str) -> None:
    """The memory blocks of the device that are left are those recorded."""
    loaded, outcome = LoadedGuest(name, KERNEL_FALLBACK), read_outcome(name)
    loaded.guest.resize("vm0", outcome["requested_after"])
    ids = next(row["ids"] for row in outcome["memory_blocks_after"] if row["where"] == "dev")
    left: set[int] = set()
    for part in ids.split(","):
        first, _, last = part.partition("-")
        left.update(range(int(first), int(last or first) + 1))
    first_id = loaded.device.region.addr // outcome["memory_block_size"]
    assert {block for block in loaded.guest.node.memory_blocks.present_ids() if block >= first_id} == left


def test_half_of_a_guest_migrates_as_many_pages_as_recorded() -> None:
    """5.10 counts each page that it migrates once; the guest's count is the same."""
    name = "5.10-natural_unmovable-half"
    loaded, outcome = LoadedGuest(name, KERNEL_FALLBACK), read_outcome(name)
    answer = loaded.guest.resize("vm0", outcome["requested_after"])
    assert answer["migrated_pages"] == outcome["after"]["vmstat"]["pgmigrate_success"]


@MAIN_GUESTS
def test_loaded_free_lists_are_the_captured_ones(name: str) -> None:
    """Free and managed pages agree with zoneinfo; a guest that moved while it was read may lack a few."""
    zones = LoadedGuest(name, KERNEL_FALLBACK).report["zones"]
    assert isinstance(zones, list)
    for row in zones:
        assert row["managed_pages"]["captured"] == row["managed_pages"]["loaded"]
        missing = row["free_pages"]["captured"] - row["free_pages"]["loaded"]
        # Half a per mille: the scattered guest ended processes between the reading of two files.
        assert 0 <= missing <= row["free_pages"]["captured"] / 1000
        if not missing:
            assert row["buddyinfo"]["captured"] == row["buddyinfo"]["loaded"]


@ALL_GUESTS
def test_watermarks_are_the_captured_ones(name: str) -> None:
    """Every populated zone keeps the marks and reserves that zoneinfo told, until memory goes or comes."""
    machine, node = read_machine(name), LoadedGuest(name, KERNEL_FALLBACK).guest.node
    facts = {zone.name: zone for zone in machine.zones}
    for zone in node.zones:
        if zone.present:
            fact = facts[zone.name]
            assert zone.watermarks == (fact.min, fact.low, fact.high)
            assert tuple(zone.lowmem_reserve(highest) for highest in ZoneId) == fact.protection[:4]


@ALL_GUESTS
def test_loading_twice_gives_the_same_guest(name: str) -> None:
    """State and events are equal, before an unplug and after it."""
    first, second = (LoadedGuest(name, KERNEL_FALLBACK) for _ in range(2))
    assert first.guest.digest() == second.guest.digest()
    target = read_outcome(name)["requested_after"]
    assert first.guest.resize("vm0", target) == second.guest.resize("vm0", target)
    assert first.guest.digest() == second.guest.digest()
    assert first.guest.event_digest() == second.guest.event_digest()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", ["6.1-mixed-zero", "5.10-natural_unmovable-half"])
def test_capture_loads_under_every_policy(name: str, policy: str) -> None:
    """The free pages are those captured, whichever kernel takes them over; it is sound before and after an unplug."""
    loaded = LoadedGuest(name, None, policy)
    assert _failures(loaded) == []
    zones = loaded.report["zones"]
    assert isinstance(zones, list)
    for row in zones:
        assert row["buddyinfo"]["captured"] == row["buddyinfo"]["loaded"]
    before = loaded.device.plugged_size
    loaded.guest.resize("vm0", 0)
    assert loaded.device.plugged_size < before
    assert _failures(loaded) == []


def _failures(loaded: LoadedGuest) -> list[object]:
    """Returns the broken laws that the policy's kernels do not break themselves."""
    return [row for row in loaded.guest.verify() if row["weight"] == "failure"]


@ALL_GUESTS
def test_explanation_and_forecast_are_what_really_happened(name: str) -> None:
    """Before anything is done: how much could be taken back, and how much the recorded machine then gave."""
    loaded, outcome = LoadedGuest(name, KERNEL_FALLBACK), read_outcome(name)
    guest, target = loaded.guest, outcome["requested_after"]
    digest = guest.digest()
    told = describe_explanation(explain(copy_subject(guest, "vm0", target)))
    question = Question(device_id="vm0", requested_size=target, has_limits=False)
    assert forecast(copy_for_forecast(guest, question), question)["size"] == outcome["plugged_bytes_after"]
    assert told["obtainable"] == outcome["plugged_bytes_before"] - outcome["plugged_bytes_after"]
    assert told["stays"] == outcome["plugged_bytes_after"] - target
    groups = told["groups"]
    assert isinstance(groups, list)
    if told["stays"]:
        assert sum(group["bytes"] for group in groups) >= int(str(told["stays"]))
    assert guest.digest() == digest
