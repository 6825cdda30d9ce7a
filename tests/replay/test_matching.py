"""Expectations against descriptions: words, numbers, sizes, ranges, members, lists; and what cannot be compared."""

import pytest

from app.errors import ScenarioInvalid
from app.replay.matching import check
from tests.replay.making import value_of

FOUND = {
    "size": 1 << 30,
    "state": "waiting_retry",
    "is_over": False,
    "retry": None,
    "driver": {"state": "idle", "retry_ms": 0},
    "groups": [{"kind": "pinned", "bytes": 4096}, {"kind": "unmovable", "bytes": 8192}],
    "warnings": [],
}


@pytest.mark.parametrize(
    ("text", "agrees"),
    [
        ("{size: 1GiB, state: waiting_retry}", True),
        ("{size: 1073741824, is_over: no, retry: null}", True),
        ("{size: '>= 1GiB'}", True),
        ("{size: '> 1GiB'}", False),
        ("{size: '!= 1GiB'}", False),
        ("{size: '< 2GiB'}", True),
        ("{size: 512MiB..1GiB}", True),
        ("{size: 1..2}", False),
        ("{state: '~ retry'}", True),
        ("{state: retry}", False),
        ("{is_over: yes}", False),
        ("{retry: 1}", False),
        ("{driver: idle}", True),
        ("{driver: {retry_ms: 1}}", False),
        ("{groups: [{kind: pinned}, {bytes: '>= 8KiB'}]}", True),
        ("{groups: [{kind: pinned, bytes: 8KiB}]}", False),
        ("{groups: []}", False),
        ("{warnings: []}", True),
        ("{warnings: [x]}", False),
        ("{size: {bytes: 1}}", False),
        ("waiting_retry", True),
    ],
)
def test_expectation_agrees_or_says_what_was_found(text: str, agrees: bool) -> None:  # noqa: FBT001 - a column
    """Only what is named is looked at; each thing named is one check, with both sides in words."""
    checks = list(check(value_of(text), FOUND))
    assert checks
    assert all(one.agrees for one in checks) is agrees
    assert all(one.found and one.line == 1 for one in checks)


def test_check_names_the_place_and_shows_sizes_in_both_ways() -> None:
    """A person reads GiB, a file needs bytes."""
    (one,) = check(value_of("devices:\n  vm0: {size: 2GiB}").require("devices"), {"vm0": {"size": 1 << 30}})
    assert (one.field, one.line, one.expected, one.found) == (
        "devices.vm0.size",
        2,
        "2GiB",
        "1073741824 (1 GiB)",
    )


@pytest.mark.parametrize(
    "text", ["{colour: red}", "{driver: {colour: red}}", "{size: large}", "{size: '>= much'}"]
)
def test_expectation_of_what_there_is_not_is_refused(text: str) -> None:
    """A member that nothing describes, or a number that is none: the file is wrong, not the guest."""
    with pytest.raises(ScenarioInvalid, match="line 1"):
        list(check(value_of(text), FOUND))
