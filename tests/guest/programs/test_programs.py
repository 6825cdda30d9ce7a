"""Programs as an actor: load is sampled while there is work, pressure follows from waiting, a reboot begins anew."""

import gc
import weakref

from app.guest.guest import Guest
from app.guest.programs.phase_json import parse_script
from app.guest.programs.phases import Script
from app.trace.events import ConditionChanged
from app.units import GIB, KIB
from tests.guest.making import x86_guest
from tests.guest.programs.small import small_guest

LEAK: dict[str, object] = {"do": "leak", "label": "leak", "rate": 100 * 128 * KIB}


def script(*phases: dict[str, object]) -> Script:
    """Returns a script."""
    return parse_script(list(phases))


def running(*phases: dict[str, object]) -> Guest:
    """Returns a small guest on which these phases play."""
    guest = small_guest()
    guest.start_workload(script(*phases))
    return guest


def test_idle_guest_has_nothing_to_do() -> None:
    """Without workload nobody is due, whatever time passes."""
    guest = x86_guest()
    guest.advance(3_600_000_000)
    assert guest.next_due_ns() is None
    assert guest.proc("loadavg") == "0.00 0.00 0.00 0/0 0\n"


def test_load_rises_with_work_and_falls_with_rest() -> None:
    """A minute of churn is a load of 0.63; an hour of hold later it is gone, and nothing is due but the hold's end."""
    guest = running(
        {"do": "grow", "label": "a", "by": 128 * KIB, "seconds": 0},
        {"do": "churn", "labels": ["a"], "fraction": 0.5, "seconds": 60},
        {"do": "hold", "seconds": 7200},
    )
    guest.run_until(60_000_000_000)
    assert guest.proc("loadavg").startswith("0.63 0.18 0.06 0/1 ")
    guest.run_until(7000 * 1_000_000_000)
    assert guest.proc("loadavg").startswith("0.00 0.00 0.00 0/1 ")
    assert guest.next_due_ns() == 7260 * 1_000_000_000


def test_driver_at_work_is_load() -> None:
    """An unplug that keeps a slow guest's driver at work for minutes counts as one task."""
    guest = x86_guest()
    guest.resize("vm0", GIB)
    guest.pace.slowness = 10_000.0
    guest.begin_resize("vm0", 0)
    guest.run_until(guest.clock.now_ns + 60_000_000_000)
    assert guest.proc("loadavg").startswith("0.6")
    assert "1/0" in guest.proc("loadavg")


def test_start_replaces_and_stop_keeps_memory() -> None:
    """A new script begins at once; what the old one allocated stays, and stays when all is stopped."""
    guest = running(LEAK)
    guest.advance(2_000_000)
    guest.start_workload(script({"do": "release", "label": "leak", "fraction": 0.5}))
    guest.advance(1_000_000)
    guest.programs.stop()
    guest.advance(10_000_000)
    assert [row.nr_pages for row in guest.pages.allocations] == [100]
    assert guest.programs.describe()["state"] == "none"


def test_panic_crashes_the_guest_and_a_reboot_begins_anew() -> None:
    """Kernel memory alone: told as an event and in the log; after the reboot the script plays from its start."""
    guest = running({**LEAK, "kind": "slab"})
    guest.advance(60_000_000)
    assert guest.condition.is_crashed
    reason = "Out of memory and no killable processes"
    assert any(
        isinstance(event, ConditionChanged) and event.reason == reason for event in guest.events.events
    )
    assert reason in guest.proc("kmsg")
    assert guest.programs.signals.counters.oom_kill == 0
    guest.programs.restart(guest.clock.now_ns)
    assert guest.proc("kmsg") == ""
    assert guest.programs.describe()["progress"] == [{"state": "running", "elapsed_us": 0}]


def test_digest_covers_programs() -> None:
    """Two guests with equal memory, of which one has a script still to play, are not equal."""
    idle, busy = small_guest(), running({"do": "hold", "seconds": 5})
    assert idle.digest() != busy.digest()
    assert busy.digest() == running({"do": "hold", "seconds": 5}).digest()


def test_guest_with_workload_frees_its_memory_at_once() -> None:
    """No circle holds it: a deleted guest's memory does not wait for the garbage collector, nor does a copy's."""
    gc.disable()
    try:
        guest = running(LEAK)
        guest.advance(2_000_000)
        nodes = [weakref.ref(guest.node), weakref.ref(guest.fork().node)]
        del guest
        assert [node() for node in nodes] == [None, None]
    finally:
        gc.enable()
