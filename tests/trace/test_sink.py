"""Sinks: forgetting, keeping all, and a ring that keeps the newest and digests them all."""

from app.trace.events import PagesFreed
from app.trace.sink import ListSink, RingSink


def freed(count: int) -> list[PagesFreed]:
    """Returns `count` different events."""
    return [PagesFreed(number, 1) for number in range(count)]


def test_list_sink_keeps_all_in_order() -> None:
    """For tests."""
    sink = ListSink()
    for event in freed(3):
        sink.emit(event)
    assert sink.events == freed(3)


def test_ring_keeps_the_newest_and_counts_the_rest() -> None:
    """Memory stays bounded; what was dropped is known."""
    sink = RingSink(4)
    for event in freed(10):
        sink.emit(event)
    assert sink.events == tuple(freed(10)[6:])
    assert (sink.emitted, sink.dropped) == (10, 6)


def test_digest_is_over_every_event_however_often_it_is_asked() -> None:
    """Asking in between, or the ring's size, changes nothing; one event more, or another order, does."""
    asked, silent = RingSink(1), RingSink(100)
    for event in freed(9000):
        asked.emit(event)
        silent.emit(event)
        if event.owner % 1000 == 0:
            asked.digest()
    assert asked.digest() == silent.digest()
    silent.emit(PagesFreed(1, 1))
    assert asked.digest() != silent.digest()
    swapped = RingSink(1)
    for event in reversed(freed(2)):
        swapped.emit(event)
    straight = RingSink(1)
    for event in freed(2):
        straight.emit(event)
    assert swapped.digest() != straight.digest()
