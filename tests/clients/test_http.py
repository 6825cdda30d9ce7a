"""What both clients tell httpx."""

import httpx
import pytest

from clients import _calls, _http, _time_calls
from clients.errors import Unreachable, Unsayable
from clients.specs import CompareSpec, ImportSpec, Upload


def test_request_of_an_upload_announces_its_size() -> None:
    """A service that refuses large bodies can say so before they are sent."""
    parts = _http.request_of(_calls.import_guest(Upload([b"abc"], 3), ImportSpec(name="x")))
    assert parts.headers == {"Content-Type": "application/octet-stream", "Content-Length": "3"}
    assert parts.params == (("name", "x"),)


def test_request_of_a_stream_announces_none() -> None:
    """The length of standard input is not known."""
    assert "Content-Length" not in _http.request_of(_calls.import_guest(Upload([b"a"]), ImportSpec())).headers


def test_request_of_a_plain_call_is_json_or_nothing() -> None:
    """Httpx adds the content type where there is a body."""
    assert _http.request_of(_time_calls.plug("web", "vm0", 4096)).json == {"size": 4096}
    assert _http.request_of(_calls.list_guests()).json is None


def test_request_asks_for_the_shape_that_is_wanted() -> None:
    """Without a wish the client's own header holds."""
    assert _http.request_of(_calls.compare_as(CompareSpec(guest="web"), "text/csv")).headers == {
        "Accept": "text/csv"
    }
    assert _http.request_of(_calls.compare(CompareSpec(guest="web"))).headers == {}


def test_settings_wait_long_for_answers_but_not_for_connections() -> None:
    """A long unplug is waited for; a service that is not there is not."""
    patient, _ = _http.settings(600)
    assert (patient.read, patient.connect) == (600, 5)
    hasty, _ = _http.settings(0.5)
    assert hasty.connect == 0.5


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ConnectTimeout("timed out"), "no connection in time"),
        (httpx.ReadTimeout("timed out"), "no answer in time"),
        (httpx.ConnectError("[Errno 111] Connection refused"), "Connection refused"),
        (httpx.RemoteProtocolError(""), "RemoteProtocolError"),
    ],
)
def test_unreachable_says_what_became_of_the_attempt(error: httpx.HTTPError, words: str) -> None:
    """The address and the reason stand in one sentence, even where httpx has none."""
    found = _http.unreachable("http://x", error)
    assert isinstance(found, Unreachable)
    assert str(found).startswith("http://x: ")
    assert words in str(found)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8000",
        "localhost",
        "ftp://127.0.0.1",
        "http://",
        "http://x:99999",
        "http://x:0",
        "http://[",
        "http://x:y",
    ],
)
def test_checked_refuses_what_is_no_address(url: str) -> None:
    """What cannot be asked is told before anything is sent."""
    with pytest.raises(Unsayable, match="no address of a service"):
        _http.checked(url)


def test_checked_keeps_an_address() -> None:
    """A path in front is kept, a slash at the end is not."""
    assert _http.checked("http://[::1]:8000/vmemsim/") == "http://[::1]:8000/vmemsim"
