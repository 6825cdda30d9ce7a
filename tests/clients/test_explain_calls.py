"""Calls that ask why and what if: what goes out, and how answers are read."""

import pytest

from clients import _explain_calls as calls
from clients.sizes import GIB
from tests.clients import recorded
from tests.clients import recorded_explain as answers
from tests.clients.call_tables import Case, check

WEB = "/v1/guests/web"
DEVICE = f"{WEB}/virtio-mem/vm0"

CASES = {
    "explain": Case(
        calls.explain("web", "vm0", target=0, pages=True, limit=5, cursor=10),
        "GET",
        f"{DEVICE}/explain",
        (("target", "0"), ("pages", "true"), ("limit", "5"), ("cursor", "10")),
        None,
        answers.EXPLANATION,
        "largest_gain",
    ),
    "explain_png": Case(
        calls.explain_png("web", "vm0", target=GIB),
        "GET",
        f"{DEVICE}/explain",
        (("target", str(GIB)),),
        None,
        recorded.PNG,
        "PNG",
    ),
    "forecast": Case(
        calls.forecast(
            "web", "vm0", GIB, policy="linux-6.17", fallback=("pageblock",), retries=1, limits=False
        ),
        "POST",
        f"{DEVICE}/forecast",
        (),
        {
            "requested_size": GIB,
            "policy": "linux-6.17",
            "fallback": ["pageblock"],
            "retries": 1,
            "limits": False,
        },
        answers.FORECAST,
        "safe_floor",
    ),
    "fork": Case(
        calls.fork("web", "twin", policy="linux-6.17"),
        "POST",
        f"{WEB}/fork",
        (),
        {"name": "twin", "policy": "linux-6.17"},
        recorded.GUEST,
        "web",
    ),
    "take_snapshot": Case(
        calls.take_snapshot("web", "before"),
        "POST",
        f"{WEB}/snapshot",
        (),
        {"name": "before"},
        answers.SNAPSHOT,
        "ae56639e",
    ),
    "list_snapshots": Case(
        calls.list_snapshots("web"), "GET", f"{WEB}/snapshots", (), None, answers.SNAPSHOTS, "before"
    ),
    "delete_snapshot": Case(
        calls.delete_snapshot("web", "before"), "DELETE", f"{WEB}/snapshots/before", (), None, b"", None
    ),
    "restore": Case(
        calls.restore("web", "before"),
        "POST",
        f"{WEB}/restore",
        (),
        {"snapshot": "before"},
        recorded.GUEST,
        "web",
    ),
}


def test_every_call_of_the_table_has_a_case() -> None:
    """A call that is added without a case is found here."""
    assert set(CASES) == set(calls.ROUTES)


@pytest.mark.parametrize("name", CASES)
def test_call_says_where_it_goes_and_reads_its_answer(name: str) -> None:
    """Method, path, query and body are those of the REST API, and the recorded answer is understood."""
    check(CASES[name])


def test_what_is_not_said_is_left_to_the_service() -> None:
    """Neither query nor body has what is None."""
    assert calls.explain("web", "vm0").query == ()
    assert calls.forecast("web", "vm0", 0).json == {"requested_size": 0}
    assert (calls.fork("web").json, calls.take_snapshot("web").json) == ({}, {})


def test_picture_asks_for_a_picture() -> None:
    """The same path, another Accept header."""
    assert calls.explain_png("web", "vm0").accept == "image/png"
