"""Events: what is asked, and how a stream is read, however it is cut into pieces."""

import pytest

from clients import _event_calls as calls
from clients._event_calls import EventReader
from clients._exchange import Reply
from clients.errors import Unintelligible
from tests.clients import recorded_time
from tests.clients.call_tables import Case, check

PATH = "/v1/guests/web/events"
CASES = {
    "events": Case(
        calls.events("web", types=["a", "b"]),
        "GET",
        PATH,
        (("after", "0"), ("types", "a,b"), ("follow", "false")),
        None,
        recorded_time.EVENTS,
        "memory_block_changed",
    ),
    "follow": Case(
        calls.follow("web", after=5), "GET", PATH, (("after", "5"),), None, recorded_time.EVENTS, "dropped"
    ),
}


@pytest.mark.parametrize("name", calls.ROUTES)
def test_call_says_where_it_goes_and_reads_its_answer(name: str) -> None:
    """Both ask for the same stream; one has an end."""
    check(CASES[name])


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_reader_gives_whole_events_whatever_the_pieces(size: int) -> None:
    """Comments are skipped; numbers, types and fields are read."""
    text, reader = recorded_time.EVENTS, EventReader()
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    dropped, changed = [event for piece in pieces for event in reader.feed(piece)]
    assert (dropped.type, dropped.fields["count"], dropped.simulated_us) == ("dropped", 5, None)
    assert (changed.id, changed.fields["zone"], changed.simulated_us) == (6, "Movable", 1370)


@pytest.mark.parametrize(
    "block", [b"id: 5\n\n", b"id: x\nevent: a\ndata: {}\n\n", b"id: 5\nevent: a\ndata: {\n\n"]
)
def test_stream_that_is_none_is_unintelligible(block: bytes) -> None:
    """A block without its lines, a number that is none, JSON that is none."""
    with pytest.raises(Unintelligible):
        calls.events("web").answer(Reply(200, block))
