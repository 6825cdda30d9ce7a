"""The forecast: what it tells is what then happens, and the guest does not notice."""

from dataclasses import replace

import pytest

from app.errors import InvalidValue, StateError, Unknown
from app.guest.allocations import AllocationSpec
from app.guest.driver_module import unload_driver
from app.guest.faults.rules_json import read_rule
from app.guest.guest import Description, Guest
from app.guest.programs.phase_json import parse_script
from app.guest.rules import parse_rules
from app.guest.spec import DeviceSpec
from app.guest.why.forecast import MOST_RETRIES, Question, copy_for_forecast, forecast
from app.mm.owned import room_for
from app.mm.page import PageKind
from app.units import GIB, MIB
from tests.guest.drawn import draw_guest, draw_target
from tests.guest.making import FIRST_DEVICE_PFN, x86_guest

_NR_GUESTS = 200


def ask(guest: Guest, requested_size: int, **changes: object) -> Description:
    """Returns the forecast of a target of vm0."""
    question = Question(device_id="vm0", requested_size=requested_size, **changes)  # type: ignore[arg-type]  # named by tests
    return forecast(copy_for_forecast(guest, question), question)


def limits_of(told: Description) -> dict[str, object]:
    """Returns the limits of a forecast."""
    limits = told["limits"]
    assert isinstance(limits, dict)
    return limits


@pytest.mark.parametrize("first", range(0, _NR_GUESTS, 50))
def test_forecast_is_what_then_happens(first: int) -> None:
    """For random guests and targets: outcome, bytes per level, size and time are equal, and the digest stays."""
    for seed in range(first, first + 50):
        guest = draw_guest(seed)
        target = draw_target(seed, guest)
        digest, began_us = guest.digest(), guest.clock.now_us
        told = ask(guest, target, has_limits=False)
        assert guest.digest() == digest, seed
        assert guest.resize("vm0", target) == told["outcome"], seed
        assert guest.find_device("vm0").device.plugged_size == told["size"], seed
        assert guest.clock.now_us - began_us == told["simulated_us"], seed


def test_forecast_of_retries_is_what_then_happens() -> None:
    """The retries that are asked for end as they do when their time has come."""
    nr_retries = 0
    for seed in range(40):
        guest = draw_guest(seed)
        told = ask(guest, 0, has_limits=False, retries=2)
        retries = told["retries"]
        assert isinstance(retries, list)
        guest.resize("vm0", 0)
        for retry in retries:
            nr_retries += 1
            guest.run_until((retry["at_us"] + 1) * 1000)
            guest.settle()
            assert guest.take_outcomes() == [retry["outcome"]], seed
    assert nr_retries > 10


def test_limits_are_what_asking_for_all_and_nothing_gives() -> None:
    """Floor and ceiling are sizes that guests reach, whatever else the forecast is about."""
    for seed in range(0, _NR_GUESTS, 8):
        guest = draw_guest(seed)
        digest = guest.digest()
        limits = limits_of(ask(guest, draw_target(seed, guest)))
        assert guest.digest() == digest
        shrunk, grown = guest.fork(), guest.fork()
        shrunk.resize("vm0", 0)
        grown.resize("vm0", grown.find_device("vm0").device.region.region_size)
        assert shrunk.find_device("vm0").device.plugged_size == limits["floor"]
        assert grown.find_device("vm0").device.plugged_size == limits["ceiling"]
        assert int(str(limits["floor"])) <= int(str(limits["safe_floor"]))


def test_safe_floor_keeps_free_pages_above_the_high_watermarks() -> None:
    """At the safe floor nothing has to be reclaimed; one sub-block below, something has."""
    device = DeviceSpec(size=GIB, requested_size=GIB)
    guest = x86_guest(devices=(device,), fallback=("pageblock",))
    guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=1200 * MIB // 4096))
    limits = limits_of(ask(guest, GIB))
    safe = int(str(limits["safe_floor"]))
    assert 0 < int(str(limits["floor"])) < safe < GIB
    for size, is_safe in ((safe, True), (safe - 2 * MIB, False)):
        copy = guest.fork()
        copy.resize("vm0", size)
        free, high = (
            sum(zone.nr_free for zone in copy.node.zones) * 4096,
            sum(zone.watermarks.high for zone in copy.node.zones) * 4096,
        )
        assert (free >= high) is is_safe
        if is_safe:
            assert (free, high) == (limits["free_at_safe_floor"], limits["high_watermarks"])


def test_safe_floor_of_a_guest_that_is_short_already() -> None:
    """Where free pages are below the high watermarks now, no step down is safe."""
    guest = x86_guest(devices=(DeviceSpec(size=GIB, requested_size=GIB),))
    guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=room_for(guest.node, PageKind.ANON, 0)))
    assert limits_of(ask(guest, GIB))["safe_floor"] == GIB


def test_limits_name_what_ends_them() -> None:
    """A pinned page ends the way down; the region, the memmaps or memory that nobody onlines the way up."""
    guest = x86_guest(devices=(DeviceSpec(size=GIB, requested_size=GIB // 2),))
    assert limits_of(ask(guest, 0))["floor_reason"] is None
    assert limits_of(ask(guest, 0))["ceiling_reason"] == "region"
    guest.pages.allocate(AllocationSpec(kind="pinned", at_pfns=(FIRST_DEVICE_PFN + 512 * 99,)))
    limits = limits_of(ask(guest, 0))
    assert (limits["floor"], limits["floor_reason"]) == (2 * MIB, "obstacles")
    small = x86_guest(boot_size=128 * MIB, online="offline", devices=(DeviceSpec(size=64 * GIB),))
    assert limits_of(ask(small, 0))["ceiling_reason"] == "offline_threshold"
    movable = x86_guest(boot_size=128 * MIB, online="online_movable", devices=(DeviceSpec(size=64 * GIB),))
    assert limits_of(ask(movable, 0))["ceiling_reason"] == "memmap"


@pytest.mark.parametrize(
    ("rule", "floor", "ceiling"),
    [
        ({"kind": "device_busy"}, "device", "device"),
        ({"kind": "device_nack", "match": {"request": "unplug"}}, "device", "region"),
        ({"kind": "device_error"}, "device", "device"),
        ({"kind": "contig_busy"}, "fault_rule", "region"),
        ({"kind": "contig_nomem"}, "fault_rule", "region"),
        ({"kind": "add_memory_nomem"}, None, "fault_rule"),
        ({"kind": "driver_absent"}, "driver_absent", "driver_absent"),
        ({"kind": "driver_broken"}, "driver_broken", "driver_broken"),
        ({"kind": "notification_lost"}, "target_untold", "target_untold"),
        ({"kind": "guest_hung"}, "guest_hung", "guest_hung"),
    ],
)
def test_limits_name_what_a_fault_does(rule: dict[str, object], floor: str | None, ceiling: str) -> None:
    """A fault is no obstacle, and no end of the region."""
    guest = x86_guest(devices=(DeviceSpec(size=GIB, requested_size=GIB // 2),))
    guest.faults.add(read_rule(rule))
    limits = limits_of(ask(guest, GIB // 2))
    assert (limits["floor_reason"], limits["ceiling_reason"]) == (floor, ceiling)


def test_limits_name_what_the_drivers_module_does() -> None:
    """It is gone, or may not take online memory, which is no reason not to plug."""
    guest = x86_guest(devices=(DeviceSpec(size=GIB, requested_size=GIB // 2),))
    driver = guest.find_device("vm0").driver
    driver.set_parameters(replace(driver.options.parameters, unplug_online=False))
    limits = limits_of(ask(guest, GIB // 2))
    assert (limits["floor_reason"], limits["ceiling_reason"]) == ("unplug_online", "region")
    unload_driver(guest, "vm0")
    limits = limits_of(ask(guest, GIB // 2))
    assert (limits["floor"], limits["ceiling"]) == (GIB // 2, GIB // 2)
    assert (limits["floor_reason"], limits["ceiling_reason"]) == ("driver_unloaded", "driver_unloaded")


def test_forecast_under_another_kernel() -> None:
    """The copy is ruled by the policy and levels that are asked for, the guest by its own."""
    guest = x86_guest(devices=(DeviceSpec(size=GIB, requested_size=GIB),))
    guest.pages.allocate(AllocationSpec(kind="pinned", at_pfns=(FIRST_DEVICE_PFN + 512 * 99,)))
    told = ask(guest, 0, rules=parse_rules("linux-5.15", None))
    assert told["policy"] == "linux-5.15"
    assert told["fallback"] == ["memory_block", "chunk"]
    assert told["size"] == 4 * MIB
    told = ask(guest, 0, rules=parse_rules(None, ["memory_block", "chunk", "pageblock"]))
    assert (told["fallback"], told["size"]) == (["memory_block", "chunk", "pageblock"], 2 * MIB)


def test_forecast_of_what_cannot_be() -> None:
    """A device that is not there, a target off the grid, too many retries, a policy that cannot hold the sub-blocks."""
    guest = x86_guest(devices=(DeviceSpec(size=GIB, requested_size=GIB // 2 + 2 * MIB),))
    with pytest.raises(Unknown):
        copy_for_forecast(guest, Question(device_id="vm9", requested_size=0))
    with pytest.raises(InvalidValue):
        ask(guest, 1)
    with pytest.raises(InvalidValue):
        ask(guest, 2 * GIB)
    for retries in (-1, MOST_RETRIES + 1):
        with pytest.raises(InvalidValue):
            ask(guest, 0, retries=retries)
    with pytest.raises(StateError):
        ask(guest, 0, rules=parse_rules("linux-5.15", None))


def test_forecast_of_a_guest_with_faults_and_programs() -> None:
    """Chance and programs go on in the copy as they will in the guest."""
    guest = x86_guest(online="online_movable", devices=(DeviceSpec(size=GIB, requested_size=GIB),))
    guest.faults.add(read_rule({"kind": "contig_busy", "probability": 0.3}))
    guest.faults.add(read_rule({"kind": "guest_slow", "factor": 100.0}))
    churn = {"do": "churn", "labels": ["heap"], "fraction": 0.1, "seconds": 600}
    guest.start_workload(
        parse_script([{"do": "grow", "label": "heap", "by": 256 * MIB, "seconds": 0}, churn])
    )
    guest.advance(5_000_000)
    digest = guest.digest()
    told = ask(guest, 128 * MIB, has_limits=False, retries=1)
    assert guest.digest() == digest
    assert guest.resize("vm0", 128 * MIB) == told["outcome"]
    outcome, retries = told["outcome"], told["retries"]
    assert isinstance(outcome, dict)
    assert isinstance(retries, list)
    assert int(str(outcome["simulated_us"])) > 1_000_000, "programs acted meanwhile"
    for retry in retries:
        guest.run_until((retry["at_us"] + 1) * 1000)
        guest.settle()
        assert guest.take_outcomes() == [retry["outcome"]]
