"""Problems on a terminal."""

import json

import pytest

from clients._exchange import Reply, refusal
from clients.errors import ClientError, DeadlinePassed, Refused, Unintelligible, Unreachable, Unsayable
from clients.vmemctl.complaints import as_problem, complaint, exit_code_of
from clients.vmemctl.session import ExitCode
from tests.clients import recorded
from tests.clients.vmemctl.terminal import shown

REFUSED = refusal(Reply(422, json.dumps(recorded.PROBLEM).encode()))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (REFUSED, ExitCode.REFUSED),
        (Refused(500, "", "", {}), ExitCode.REFUSED),
        (Unreachable("u", "r"), ExitCode.UNREACHABLE),
        (Unintelligible("u", "r"), ExitCode.UNREACHABLE),
        (Unsayable("empty"), ExitCode.USAGE),
    ],
)
def test_each_error_has_its_exit_code(error: ClientError, code: ExitCode) -> None:
    """A script tells by the code who must act."""
    assert exit_code_of(error) is code


def test_complaint_tells_the_numbers_with_units() -> None:
    """The sentence, and each member; bytes in a unit beside the number."""
    text = shown(complaint(REFUSED))
    assert "refused (422) A value is not acceptable" in text
    assert "requested_size is 3145729; accepted: a multiple of block_size (2097152)" in text
    assert "2097152 (2 MiB)" in text
    assert "3145729 (about 3 MiB)" in text


def test_complaint_tells_every_wrong_value() -> None:
    """A request in which two values are wrong is mended at once."""
    errors = [
        {"field": "boot_size", "value": -1, "accepted": "bytes"},
        {"field": "seed", "value": "x", "accepted": "an integer"},
    ]
    text = shown(complaint(Refused(422, "t", "d", {"field": "boot_size", "errors": errors})))
    assert "also seed = 'x'; accepted: an integer" in text
    assert "also boot_size" not in text


def test_complaint_joins_a_list_of_known_names() -> None:
    """Who mistyped a name sees those that there are."""
    assert "web, db" in shown(complaint(Refused(404, "t", "d", {"known": ["web", "db"]})))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Unreachable("http://x", "refused"), "unreachable http://x: refused"),
        (DeadlinePassed("a size", 2, "0 B"), "failed a size did not come about"),
    ],
)
def test_complaint_of_other_errors_is_one_line(error: ClientError, words: str) -> None:
    """What is no refusal has no members."""
    assert words in shown(complaint(error))


def test_as_problem_is_one_json_object_on_one_line() -> None:
    """A script reads the status and the numbers, or what failed."""
    assert json.loads(as_problem(REFUSED))["block_size"] == 2097152
    assert json.loads(as_problem(Unreachable("u", "r"))) == {"title": "Unreachable", "detail": "u: r"}
