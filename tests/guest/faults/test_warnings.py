"""Warnings about rules that can strike nothing: each says why, and a good rule has none."""

import pytest

from app.guest.faults.rules_json import read_rule
from app.guest.guest import Guest
from app.guest.spec import DeviceSpec
from app.trace.sink import RingSink
from app.units import GIB
from tests.guest.making import x86_guest


def _warnings(guest: Guest, **rule: object) -> list[str]:
    warnings = guest.faults.add(read_rule(rule))["warnings"]
    assert isinstance(warnings, list)
    return warnings


def test_rules_that_can_strike_have_no_warning() -> None:
    """A device, a level and addresses that there are; and faults of the whole guest, with or without devices."""
    guest = x86_guest()
    assert _warnings(guest, kind="device_busy", match={"device": "vm0", "start_addr": "4GiB"}) == []
    assert _warnings(guest, kind="contig_busy", match={"level": "memory_block"}) == []
    assert _warnings(x86_guest(devices=()), kind="guest_slow", factor=2) == []


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (
            {"kind": "device_busy", "match": {"device": "vm7"}},
            "no device is named 'vm7'; there are: vm0, vm1",
        ),
        ({"kind": "driver_absent", "match": {"device": "vm7"}}, "no device is named 'vm7'"),
        ({"kind": "contig_busy", "match": {"level": "section"}}, "tried are: memory_block"),
        ({"kind": "device_busy", "match": {"end_addr": "4GiB"}}, "outside the regions [4294967296, "),
        ({"kind": "device_busy", "probability": 0}, "probability is 0"),
        ({"kind": "device_busy", "count": 0}, "count is 0"),
    ],
)
def test_rule_that_can_strike_nothing_is_added_with_a_warning(rule: dict[str, object], why: str) -> None:
    """It is a rule all the same: a device may come, a count may be changed."""
    guest = x86_guest(devices=(DeviceSpec(size=GIB), DeviceSpec(size=GIB)))
    (warning,) = _warnings(guest, **rule)
    assert why in warning
    assert len(guest.faults.describe_all()) == 1


def test_guest_without_devices_cannot_be_hit_at_requests() -> None:
    """There is nobody to ask anything."""
    assert _warnings(x86_guest(devices=()), kind="device_busy") == ["the guest has no device"]


def test_captured_guest_that_cannot_reboot_is_warned_of() -> None:
    """It has nothing to boot from; others have, and a death without a reboot needs none."""
    booted = x86_guest(devices=())
    captured = Guest(booted.identity, booted.node, sink=RingSink(10))
    (warning,) = _warnings(captured, kind="guest_crash", after_us=1000, reboot_after_us=1000)
    assert "nothing to boot from" in warning
    captured.advance(5000)
    assert captured.condition.is_crashed
    assert _warnings(captured, kind="guest_crash", after_us=10) == []
    assert _warnings(booted, kind="guest_crash", after_us=10, reboot_after_us=1) == []
