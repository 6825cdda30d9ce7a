"""The error tree of the hypervisor side."""

import pytest

from clients.errors import (
    ClientError,
    Conflict,
    DeadlinePassed,
    Invalid,
    NoRoom,
    NotFound,
    Refused,
    Unintelligible,
    Unreachable,
    refusal_class,
)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Invalid),
        (404, NotFound),
        (405, Refused),
        (409, Conflict),
        (413, Invalid),
        (422, Invalid),
        (500, Refused),
        (503, Refused),
        (507, NoRoom),
    ],
)
def test_each_status_has_its_class(status: int, kind: type[Refused]) -> None:
    """A status that has no class of its own is a plain refusal."""
    assert refusal_class(status) is kind


def test_every_error_is_a_client_error() -> None:
    """One except clause catches all that this package raises on purpose."""
    assert issubclass(Unintelligible, Unreachable)
    assert all(issubclass(kind, ClientError) for kind in (Refused, Unreachable, DeadlinePassed))


def test_refused_reads_as_its_detail_and_gives_the_problem_back() -> None:
    """A refusal is a sentence for people, and a JSON object for programs."""
    error = Invalid(422, "A value is not acceptable", "size is 3", {"field": "size", "value": 3})
    assert str(error) == "size is 3"
    assert error.as_problem() == {
        "status": 422,
        "title": "A value is not acceptable",
        "detail": "size is 3",
        "field": "size",
        "value": 3,
    }


def test_refused_without_detail_reads_as_its_title() -> None:
    """A problem need not have a detail."""
    assert str(Refused(500, "Internal Server Error", "", {})) == "Internal Server Error"


def test_deadline_passed_says_how_it_stood() -> None:
    """Whoever waited in vain learns for what, how long, and what was seen last."""
    assert "within 1.5 s; last seen: 2 GiB" in str(DeadlinePassed("4 GiB on vm0", 1.5, "2 GiB"))
