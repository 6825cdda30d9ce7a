"""Why the rest stays, in a sentence."""

from typing import Any

import pytest

from app.guest.progress import DeviceProgress
from app.operations import shortfall

MIB = 2**20
SHORT = DeviceProgress(
    now_us=0,
    requested_size=0,
    size=10 * MIB,
    is_at_work=False,
    deadline_ns=None,
    retry_ms=0,
    state="idle",
    last_result="EBUSY",
    unit_size=2 * MIB,
)


def _group(kind: str | None, count: int, result: str = "EBUSY", cause: str = "page") -> dict[str, Any]:
    size = count * 2 * MIB
    reason = {"kind": kind, "level": "pageblock", "result": result, "cause": cause}
    return {**reason, "count": count, "bytes": size}


def test_why_names_groups_and_the_next_try() -> None:
    """Pieces by what holds them, a shortage in words, and when the driver tries again."""
    outcome = {"obstacle_groups": [_group("pinned", 4), _group("anon", 1, "ENOMEM", "memory")]}
    at_ns = 50_200_000_000
    sentence = shortfall.why(outcome, SHORT._replace(deadline_ns=at_ns, goes_on_ns=at_ns))
    assert sentence == (
        "10 MiB stay plugged: 4 pieces (8 MiB) held by pinned (pageblock, EBUSY), "
        "2 MiB for lack of memory to migrate to (pageblock, ENOMEM); "
        "the driver tries again at 50.2 s of the guest's clock"
    )


def test_why_counts_reasons_beyond_the_third() -> None:
    """A sentence is no list of everything."""
    kinds = ["anon", "file", "slab", "pinned", "unmovable"]
    assert shortfall.why({"obstacle_groups": [_group(kind, 1) for kind in kinds]}, SHORT).endswith(
        "and 2 other reasons"
    )


@pytest.mark.parametrize(
    ("changes", "outcome", "told"),
    [
        ({"state": "unloaded"}, None, "no driver is loaded"),
        ({"state": "broken"}, {"obstacle_groups": []}, "given the device up"),
        ({"is_untold": True}, None, "was not told"),
        ({"is_absent": True}, None, "a fault rule keeps the driver"),
        ({"is_absent": True, "goes_on_ns": 10**9}, None, "the driver goes on at 1.0 s"),
        ({"last_result": "0", "may_unplug_online": False}, {"obstacle_groups": []}, "unplug_online=no"),
        ({"last_result": "EAGAIN"}, {"obstacle_groups": []}, "NACK"),
        ({"last_result": "ENOMEM"}, {"obstacle_groups": []}, "ended with ENOMEM"),
        ({"last_result": "0", "size": MIB}, {"obstacle_groups": []}, "less than 2 MiB at once"),
        ({"requested_size": 20 * MIB}, None, "10 MiB could not be plugged"),
    ],
)
def test_why_without_pieces(changes: dict[str, Any], outcome: dict[str, Any] | None, told: str) -> None:
    """No driver, a driver that gave up, one that was not told, a rest that is too small: each has its words."""
    assert told in shortfall.why(outcome, SHORT._replace(**changes))


@pytest.mark.parametrize(
    ("result", "cause", "told"),
    [
        ("ETXTBSY", "device", "10 MiB stay plugged: 2 MiB as the device was busy (ETXTBSY)"),
        ("ENOMEM", "device", "refused it (NACK)"),
        ("EINVAL", "device", "answered ERROR"),
        ("EBUSY", "fault_rule", "a fault rule struck"),
        ("ENOSPC", "offline_limit", "too much of the added memory is not online"),
        ("ENOSPC", "region", "region has no room for more"),
        ("EINTR", "simulator", "the simulator gave up"),
    ],
)
def test_why_says_what_stopped_the_work(result: str, cause: str, told: str) -> None:
    """A device, a rule, a limit: none of them is a lack of memory."""
    sentence = shortfall.why({"obstacle_groups": [_group(None, 1, result, cause)]}, SHORT)
    assert told in sentence
    assert "memory (" not in sentence


def test_why_of_a_plug_misses_memory_for_memmaps() -> None:
    """Nothing has to migrate for a plug."""
    outcome = {"obstacle_groups": [_group(None, 1, "ENOMEM", "memory")]}
    assert "for lack of memory for memmaps" in shortfall.why(outcome, SHORT._replace(requested_size=20 * MIB))
