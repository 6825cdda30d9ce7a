"""Sinks: forgetting, keeping all, and a ring that keeps the newest and digests them all."""

import sys
import threading
from enum import StrEnum

from app.trace.events import PagesFreed, RequestAnswered
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


def test_digest_of_a_word_is_that_of_its_text() -> None:
    """A StrEnum is written as its word, alone or among thousands."""

    class Word(StrEnum):
        PLUG = "plug"

    plain, words = RingSink(1), RingSink(1)
    for sink, text in ((plain, "plug"), (words, Word.PLUG)):
        for event in freed(10):
            sink.emit(event)
        sink.emit(RequestAnswered("vm0", text, 0, 1, "ack"))
        sink.digest()
        sink.emit(RequestAnswered("vm0", text, 0, 2, "ack"))
    assert plain.digest() == words.digest()


def test_read_goes_on_where_the_reader_was() -> None:
    """A cursor is all that a reader needs; events have numbers from 1 on."""
    sink = RingSink(8)
    for event in freed(5):
        sink.emit(event)
    first = sink.read(0, 3)
    assert [(row.id, row.event.owner) for row in first if isinstance(row.event, PagesFreed)] == [
        (1, 0),
        (2, 1),
        (3, 2),
    ]
    assert [row.id for row in sink.read(3, 100)] == [4, 5]
    assert sink.read(5, 100) == []


def test_read_behind_the_ring_begins_at_the_oldest_kept() -> None:
    """A reader that was passed sees it by the first number."""
    sink = RingSink(4)
    for event in freed(10):
        sink.emit(event)
    assert [row.id for row in sink.read(2, 100)] == [7, 8, 9, 10]
    assert RingSink(0).read(0, 10) == []


def test_renumber_goes_on_with_another_ring() -> None:
    """The ring of a guest that takes another's place goes on counting, and keeps what it has."""
    sink = RingSink(3)
    for event in freed(5):
        sink.emit(event)
    sink.renumber(100)
    sink.emit(PagesFreed(5, 1))
    assert [row.id for row in sink.read(0, 10)] == [104, 105, 106]
    assert sink.events == tuple(PagesFreed(number, 1) for number in (3, 4, 5))
    assert (sink.emitted, sink.dropped, sink.newest) == (6, 3, 106)


def test_read_tells_when_it_happened() -> None:
    """The clock is read when the event is emitted."""

    class Clock:
        now_ns = 0

    sink, clock = RingSink(4), Clock()
    sink.clock = clock
    for clock.now_ns in (5, 9):
        sink.emit(PagesFreed(1, 1))
    assert [row.at_ns for row in sink.read(0, 4)] == [5, 9]


def test_read_in_another_thread_never_mixes_events() -> None:
    """While a thread emits, every row that is read is the event of its number, and numbers are in order."""
    sink, is_over = RingSink(3), threading.Event()

    def emit() -> None:
        for event in freed(60_000):
            sink.emit(event)
        is_over.set()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=emit)
    thread.start()
    try:
        cursor, seen = 0, 0
        while not (is_over.is_set() and cursor == sink.emitted):
            for row in sink.read(cursor, 2):
                assert row.id > cursor
                assert row.event == PagesFreed(row.id - 1, 1)
                cursor, seen = row.id, seen + 1
    finally:
        thread.join()
        sys.setswitchinterval(interval)
    assert seen > 0
