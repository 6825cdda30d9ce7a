"""Calls on reboots and sleep: what goes out, and how answers are read."""

import pytest

from clients import _power_calls as calls
from tests.clients import recorded
from tests.clients.call_tables import Case, check

ASLEEP = {**recorded.GUEST, "condition": {"state": "asleep", "reason": "s3", "since_us": 7}}
CASES = {
    "reboot": Case(
        calls.reboot("web"),
        "POST",
        "/v1/guests/web/reboot",
        (),
        {"kind": "system_reset"},
        recorded.GUEST,
        "linux-5.19",
    ),
    "reboot by kexec": Case(
        calls.reboot("web", "kexec"),
        "POST",
        "/v1/guests/web/reboot",
        (),
        {"kind": "kexec"},
        recorded.GUEST,
        "linux-5.19",
    ),
    "suspend": Case(
        calls.suspend("web", "s3"), "POST", "/v1/guests/web/suspend", (), {"kind": "s3"}, ASLEEP, "asleep"
    ),
    "resume": Case(
        calls.resume("web"), "POST", "/v1/guests/web/resume", (), None, recorded.GUEST, "linux-5.19"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_call_says_what_the_service_expects_and_reads_its_answer(name: str) -> None:
    """Method, path, query and body; and the answer as a value."""
    check(CASES[name])
