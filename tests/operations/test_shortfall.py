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


def _group(kind: str | None, count: int, result: str = "EBUSY") -> dict[str, Any]:
    return {"kind": kind, "level": "pageblock", "result": result, "count": count, "bytes": count * 2 * MIB}


def test_why_names_groups_and_the_next_try() -> None:
    """Pieces by what holds them, a shortage in words, and when the driver tries again."""
    outcome = {"obstacle_groups": [_group("pinned", 4), _group(None, 1, "ENOMEM")]}
    sentence = shortfall.why(outcome, SHORT._replace(deadline_ns=50_200_000_000))
    assert sentence == (
        "10 MiB stay plugged: 4 pieces (8 MiB) held by pinned (pageblock, EBUSY), "
        "1 piece (2 MiB) for lack of memory (pageblock, ENOMEM); the driver tries again at 50.2 s of the guest's clock"
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
        ({}, None, "was not told"),
        ({"last_result": "ENOSPC"}, {"obstacle_groups": []}, "no room for more"),
        ({"last_result": "ENOMEM"}, {"obstacle_groups": []}, "ended with ENOMEM"),
        ({"last_result": "0", "size": MIB}, {"obstacle_groups": []}, "less than 2 MiB at once"),
        ({"requested_size": 20 * MIB}, None, "10 MiB could not be plugged"),
    ],
)
def test_why_without_obstacles(changes: dict[str, Any], outcome: dict[str, Any] | None, told: str) -> None:
    """No driver, a driver that gave up, one that was not told, a rest that is too small: each has its words."""
    assert told in shortfall.why(outcome, SHORT._replace(**changes))
