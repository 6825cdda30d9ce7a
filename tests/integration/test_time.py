"""Time, over HTTP: requests are answered at once, and what becomes of them is told, or never comes."""

import json
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from clients.client import Client
from clients.errors import Conflict, DeadlinePassed, Invalid
from clients.sizes import GIB, MIB
from clients.specs import AllocationSpec, ClockSpec, DeviceSpec
from clients.wait import until_size
from tests.integration.conftest import MakeGuest

ROOT = Path(__file__).parents[2]
FAST = ClockSpec(mode="realtime", scale=1000.0)
MANUAL = ClockSpec(mode="manual")


def pin(client: Client, guest: str) -> int:
    """Pins one page in the middle of the first plugged memory block; returns the allocation."""
    first = client.show_device(guest, "vm0").addr // 4096
    return client.allocate(guest, AllocationSpec(kind="pinned", at_pfns=[first + 16384])).id


def test_polling_for_the_size_never_ends_on_a_pinned_guest_but_the_operation_does(
    client: Client, make_guest: MakeGuest
) -> None:
    """Simulated minutes pass by themselves; the operation is `partial`, and says what holds the rest."""
    guest = make_guest(clock=FAST, online="online_kernel").name
    pin(client, guest)
    operation = client.unplug(guest, "vm0", GIB, wait=30)
    assert operation.state == "partial"
    assert "held by pinned" in str(operation.reason)
    assert operation.outcome is not None
    assert {group.kind for group in operation.outcome.obstacle_groups} >= {"pinned"}
    with pytest.raises(DeadlinePassed, match="last seen: 2 MiB"):
        client.run(until_size(guest, "vm0", 0, timeout_s=1))
    assert client.show_operation(operation.id) == operation


def test_operation_waits_for_its_retry_and_takes_the_rest(client: Client, make_guest: MakeGuest) -> None:
    """The pin goes while the driver waits: nobody has to ask again."""
    guest = make_guest(clock=MANUAL, online="online_kernel").name
    pinned = pin(client, guest)
    operation = client.unplug(guest, "vm0", GIB, wait=0)
    assert (operation.state, operation.size) == ("running", GIB)
    client.advance(guest, 1_000_000)
    waiting = client.show_operation(operation.id)
    assert waiting.state == "waiting_retry"
    assert waiting.retry is not None
    assert waiting.retry.interval_ms == 50_000
    client.free_allocation(guest, pinned)
    client.advance(guest, 60_000_000)
    assert client.show_operation(operation.id).state == "succeeded"


def test_long_unplug_is_superseded_and_cancelled_in_its_middle(client: Client, make_guest: MakeGuest) -> None:
    """In mode manual to the act: another target ends it, and a cancelled one leaves what was done."""
    guest = make_guest(clock=MANUAL).name
    first = client.resize(guest, "vm0", 4 * GIB, wait=0)
    client.advance(guest, steps=5)
    second = client.resize(guest, "vm0", 0, wait=0)
    superseded = client.show_operation(first.id)
    assert (superseded.state, superseded.superseded_by) == ("superseded", second.id)
    assert GIB < superseded.size < 4 * GIB
    client.advance(guest, steps=5)
    cancelled = client.cancel_operation(second.id)
    assert cancelled.state == "cancelled"
    client.advance(guest, 10_000_000)
    device = client.show_device(guest, "vm0")
    assert device.size == device.requested_size == cancelled.size > 0
    with pytest.raises(Conflict):
        client.cancel_operation(second.id)
    states = {operation.id: operation.state for operation in client.list_operations(guest=guest)}
    assert states == {first.id: "superseded", second.id: "cancelled"}


def test_events_follow_what_happens_and_resume_where_they_were(client: Client, make_guest: MakeGuest) -> None:
    """A reader beside the one who resizes sees each memory block; numbers let it come back."""
    guest = make_guest().name
    newest = client.events(guest)[-1].id
    seen: list[int] = []

    def read() -> None:
        for event in client.follow(guest, after=newest, types=["memory_block_changed"]):
            seen.append(event.id)
            if len(seen) == 8:
                return

    reader = threading.Thread(target=read)
    reader.start()
    client.plug(guest, "vm0", GIB)
    reader.join(20)
    assert len(seen) == 8
    assert seen == sorted(seen)
    again = client.events(guest, after=newest, types=["memory_block_changed"])
    assert [event.id for event in again][:8] == seen


def test_reader_that_does_not_read_is_told_what_it_missed(client: Client, make_guest: MakeGuest) -> None:
    """A hundred thousand events pass a connection from which nobody reads; then it is told how many it missed."""
    # Boot memory has the memmap of all that is plugged.
    guest = make_guest(boot_size=8 * GIB, devices=[DeviceSpec(size=256 * GIB)]).name
    client.plug(guest, "vm0", GIB)
    begun = client.events(guest)[-1].id
    address = urlsplit(client.url)
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect((address.hostname, address.port))
        reader.sendall(
            f"GET /v1/guests/{guest}/events?after={begun} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode()
        )
        while client.events(guest)[-1].id < begun + 100_000:
            for size in (256 * GIB, 0):
                assert client.resize(guest, "vm0", size).state == "succeeded"
        told = b""
        while b"event: dropped" not in told:
            told += reader.recv(1 << 16)
        told += reader.recv(1 << 16)
    lost = json.loads(re.findall(rb"event: dropped\r?\ndata: ({.*?})", told)[0])
    assert lost["count"] == lost["to"] - lost["from"] + 1
    assert lost["count"] > 50_000
    assert begun < lost["from"] < lost["to"]


def test_realtime_clock_follows_the_wall_and_says_how_well(client: Client, make_guest: MakeGuest) -> None:
    """Half a second at scale 1000 is more than eight minutes."""
    guest = make_guest(clock=FAST).name
    before = client.show_clock(guest)
    time.sleep(0.5)
    after = client.show_clock(guest)
    assert after.now_us - before.now_us >= 500_000_000
    slowed = client.change_clock(guest, scale=1)
    assert slowed.now_us >= after.now_us
    assert client.show_clock(guest).now_us - slowed.now_us < 400_000_000
    assert client.show_clocks().realtime_guests >= 1


def test_advance_stops_when_its_caller_goes_away(client: Client, make_guest: MakeGuest) -> None:
    """A day of ten ticks a second takes a while; the caller hangs up after a moment."""
    guest = make_guest(clock=MANUAL).name
    script = [{"do": "leak", "label": "leak", "rate": "4KiB", "restart": True}]
    httpx.put(
        f"{client.url}/v1/guests/{guest}/workload", json={"tick_ms": 100, "phases": script}
    ).raise_for_status()
    before_us = client.show_clock(guest).now_us
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{client.url}/v1/guests/{guest}/clock/advance", json={"seconds": 86400}, timeout=0.5)
    time.sleep(0.5)
    stands_us = client.show_clock(guest).now_us
    assert before_us < stands_us < before_us + 86_400_000_000
    time.sleep(0.3)
    assert client.show_clock(guest).now_us == stands_us


@pytest.mark.parametrize("scale", [0.0, -1.0, 1e9])
def test_absurd_scales_are_refused(client: Client, make_guest: MakeGuest, scale: float) -> None:
    """The problem says from where to where."""
    guest = make_guest().name
    with pytest.raises(Invalid) as refused:
        client.change_clock(guest, mode="realtime", scale=scale)
    assert refused.value.members["accepted"]
    assert client.show_clock(guest).mode == "instant"


def test_cost_profile_of_a_guest_with_a_passed_through_device_is_slower(
    client: Client, make_guest: MakeGuest
) -> None:
    """Plugging has to map every page for the device: more than ten times as long."""
    assert {profile.name for profile in client.cost_profiles()} >= {"hyperalloc-2025", "hyperalloc-2025-vfio"}
    times = []
    for name in ("hyperalloc-2025", "hyperalloc-2025-vfio"):
        guest = make_guest(cost={"profile": name}, devices=[DeviceSpec(size=4 * GIB)]).name
        operation = client.plug(guest, "vm0", GIB)
        times.append(int(operation.ended_us or 0) - operation.begun_us)
    assert times[1] > 10 * times[0]


def test_vmemctl_does_not_wait_for_a_clock_that_stands(client: Client, make_guest: MakeGuest) -> None:
    """It prints the operation as it is, and how to let time pass."""
    guest = make_guest(clock=MANUAL).name
    command = [sys.executable, "-m", "clients", "--url", client.url, "resize", guest, str(128 * MIB)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, "running" in ended.stdout) == (0, True), ended
    assert f"vmemctl advance {guest}" in ended.stderr
