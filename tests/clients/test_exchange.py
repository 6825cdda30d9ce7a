"""One call and its reply, and a conversation of several, without a socket."""

import inspect
import json

import pytest

from clients._exchange import Call, Done, Pause, Procedure, Reply, advance, as_method, refusal
from clients.errors import ClientError, Invalid, NotFound, Refused, Unintelligible
from tests.clients import recorded


def read_number(body: bytes) -> int:
    """Reads a body that is a number."""
    return int(json.loads(body))


CALL = Call(method="GET", path="/number", read=read_number)


def test_answer_of_a_good_reply_is_what_was_read() -> None:
    """200 and 201 are both answers."""
    assert CALL.answer(Reply(200, b"7")) == CALL.answer(Reply(201, b"7")) == 7


def test_answer_of_a_problem_raises_its_class_with_all_its_numbers() -> None:
    """The problem's own five parts and its members are kept apart."""
    with pytest.raises(Invalid, match="accepted: a multiple") as caught:
        CALL.answer(Reply(422, json.dumps(recorded.PROBLEM).encode()))
    assert caught.value.status == 422
    assert caught.value.title == "A value is not acceptable"
    assert caught.value.members["block_size"] == 2097152
    assert "instance" not in caught.value.members


@pytest.mark.parametrize("body", [b"", b"<html>proxy</html>", b"[1]", b"\xff\xfe", b"null"])
def test_answer_of_an_error_that_is_no_problem_is_still_a_refusal(body: bytes) -> None:
    """A proxy's error page has no title of its own, so the status gives one."""
    error = refusal(Reply(404, body))
    assert isinstance(error, NotFound)
    assert error.title == "Not Found"


def test_refusal_quotes_a_long_page_only_in_part() -> None:
    """An error message stays readable, whatever a proxy sends."""
    assert len(refusal(Reply(502, b"x" * 100_000)).detail) < 250


def test_refusal_of_an_unknown_status_has_a_title() -> None:
    """A status that no standard names is no reason to fail differently."""
    assert refusal(Reply(499, b"")).title == "status 499"


@pytest.mark.parametrize(
    "reply", [Reply(200, b"no json", "u"), Reply(200, b'"x"', "u"), Reply(304, b"", "u")]
)
def test_answer_without_the_promised_shape_is_unintelligible(reply: Reply) -> None:
    """Neither broken JSON, nor another type, nor a redirect is an answer of the service."""
    with pytest.raises(Unintelligible, match=r"^u: "):
        CALL.answer(reply)


def ask_twice() -> Procedure[int]:
    """Asks, pauses, asks again, and adds; a refusal counts as 100."""
    first = yield CALL
    yield Pause(0.5)
    try:
        second = yield CALL
    except Refused:
        second = 100
    return int(first + second)


def test_advance_runs_a_procedure_to_its_result() -> None:
    """Answers are sent in, pauses bring nothing, the end is told."""
    procedure = ask_twice()
    assert advance(procedure, None) is CALL
    assert advance(procedure, 1) == Pause(0.5)
    assert advance(procedure, None) is CALL
    assert advance(procedure, 2) == Done(3)


def test_advance_throws_errors_into_a_procedure() -> None:
    """A call's error arises in the procedure, which may bear it or not."""
    procedure = ask_twice()
    advance(procedure, None)
    with pytest.raises(ClientError):
        advance(procedure, ClientError("lost"))
    procedure = ask_twice()
    for last in (None, 1, None):
        advance(procedure, last)
    assert advance(procedure, Refused(500, "", "", {})) == Done(101)


def test_as_method_makes_help_tell_the_calls_own_arguments() -> None:
    """An editor shows what can be passed, not *args."""

    def build(guest: str, *, seed: int = 0) -> None:
        """Builds."""

    def method(*args: object, **kwargs: object) -> None:
        pass

    as_method(build, method)
    assert str(inspect.signature(method)) == "(self, /, guest: str, *, seed: int = 0)"
    assert method.__doc__ == "Builds."
