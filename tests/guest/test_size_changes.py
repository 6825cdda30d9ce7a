"""Telling size changes: the first at once, the newest of a second at its end, and nothing twice."""

from app.guest.clock import SimulatedClock
from app.guest.size_changes import INTERVAL_NS, SizeChanges
from app.trace.events import MemoryDeviceSizeChanged
from app.trace.sink import ListSink

MS = 1_000_000


def told(sink: ListSink) -> list[tuple[int, int]]:
    """Returns (milliseconds, size) of each event."""
    return [
        (event.at_us // 1000, event.size)
        for event in sink.events
        if isinstance(event, MemoryDeviceSizeChanged) and event.device == "vm0"
    ]


def test_first_change_is_told_at_once_and_the_newest_after_a_second() -> None:
    """As recorded: 128 MiB at 0 s, the end of the resize at 1 s, with nothing in between."""
    clock, sink = SimulatedClock(), ListSink()
    changes = SizeChanges("vm0", clock, sink)
    for size in (128, 256, 2048):
        changes.note(size)
        clock.advance(50 * MS)
    assert (told(sink), changes.due_ns()) == ([(0, 128)], INTERVAL_NS)
    clock.advance_to(INTERVAL_NS)
    changes.act()
    assert (told(sink), changes.due_ns()) == ([(0, 128), (1000, 2048)], None)


def test_change_after_a_quiet_second_is_told_at_once() -> None:
    """The limit begins with each event; a device at rest owes nothing."""
    clock, sink = SimulatedClock(), ListSink()
    changes = SizeChanges("vm0", clock, sink)
    changes.note(128)
    clock.advance(999 * MS)
    changes.note(64)
    assert changes.due_ns() == INTERVAL_NS
    changes.act()
    clock.advance(1000 * MS)
    changes.note(0)
    assert told(sink) == [(0, 128), (999, 64), (1999, 0)]


def test_tell_now_ends_the_wait_and_tells_nothing_twice() -> None:
    """Where nobody lets time pass, the newest size is told at the end of the work."""
    clock, sink = SimulatedClock(), ListSink()
    changes = SizeChanges("vm0", clock, sink)
    changes.note(128)
    changes.note(256)
    changes.tell_now()
    changes.tell_now()
    assert (told(sink), changes.due_ns()) == ([(0, 128), (0, 256)], None)


def test_fork_tells_what_was_held_back_to_its_own_sink() -> None:
    """The copy's second ends when the original's does."""
    clock, sink, other = SimulatedClock(), ListSink(), ListSink()
    changes = SizeChanges("vm0", clock, sink)
    changes.note(128)
    changes.note(256)
    copy = changes.fork(SimulatedClock(INTERVAL_NS), other)
    assert (copy.state(), copy.due_ns()) == (changes.state(), INTERVAL_NS)
    copy.act()
    assert (told(sink), told(other)) == ([(0, 128)], [(1000, 256)])
