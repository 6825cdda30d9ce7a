"""What became of a plug, an unplug or a resize, as the outside world reads it; a part is a normal answer.

Left out: the walk that made it (app.virtio_mem.driver), and what it cost (the guest's clock).
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from app.mm.outcome import Errno
from app.mm.policies.switches import Level
from app.virtio_mem.device import Device
from app.virtio_mem.driver.report import FailureGroup, ObstacleGroup, PassCounts, PassOutcome, StuckPiece

# An outcome, JSON-ready.
Outcome = Mapping[str, object]
# What adds up over work items.
_AMOUNTS = ("achieved", "migrated_pages", "dropped_pages", "simulated_us")


def describe_outcome(device_id: str, outcome: PassOutcome, *, simulated_us: int) -> dict[str, object]:
    """Returns an outcome, JSON-ready, in bytes; `requested` and `achieved` are amounts, not targets."""
    wanted = outcome.requested_size - outcome.size_before
    moved = outcome.size - outcome.size_before
    return {
        "device": device_id,
        "state": "done" if outcome.size == outcome.requested_size else "partial",
        "requested": abs(wanted),
        "achieved": max(0, moved if wanted > 0 else -moved),
        "requested_size": outcome.requested_size,
        "size": outcome.size,
        "by_level": {
            str(level): {"bytes": tally.nr_bytes, "attempts": tally.attempts, "failed": tally.failed}
            for level, tally in outcome.by_level.items()
        },
        "obstacle_count": outcome.obstacle_count,
        "obstacles": [_describe_piece(piece) for piece in outcome.obstacles],
        "obstacle_groups": [_describe_group(group) for group in outcome.obstacle_groups],
        "is_simulator_limit": any(group.result is Errno.EINTR for group in outcome.obstacle_groups),
        "failures": [
            {**_describe_reason(failure), "count": failure.nr_attempts} for failure in outcome.failures
        ],
        "migrated_pages": outcome.counts.nr_migrated,
        "dropped_pages": outcome.counts.nr_dropped,
        "types_lost": {
            f"{lost.old.name}->{lost.new.name}": lost.nr_pageblocks for lost in outcome.types_lost
        },
        "simulated_us": simulated_us,
    }


def join_outcomes(earlier: Outcome, later: Outcome) -> Outcome:
    """Returns what became of a target in two work items, one after the other: amounts add up, what stays is of later.

    by_level and failures are of both: a level is of the driver, and stays what it is.
    """
    failures = Counter[tuple[object, ...]]()
    for failure in (*_rows(earlier, "failures"), *_rows(later, "failures")):
        failures[failure["kind"], failure["level"], failure["result"]] += failure["count"]
    return {
        **later,
        "requested": earlier["requested"],
        **{name: _number(earlier, name) + _number(later, name) for name in _AMOUNTS},
        "by_level": {
            level: {name: count + _level(earlier, level).get(name, 0) for name, count in tally.items()}
            for level, tally in _members(later, "by_level").items()
        },
        "failures": [
            {"kind": kind, "level": level, "result": result, "count": count}
            for (kind, level, result), count in failures.most_common()
        ],
        "types_lost": dict(Counter(_members(earlier, "types_lost")) + Counter(_members(later, "types_lost"))),
    }


def _rows(outcome: Outcome, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = outcome[name]  # type: ignore[assignment]  # as describe_outcome() makes it
    return rows


def _members(outcome: Outcome, name: str) -> dict[str, Any]:
    members: dict[str, Any] = outcome[name]  # type: ignore[assignment]  # as describe_outcome() makes it
    return members


def _level(outcome: Outcome, level: str) -> dict[str, int]:
    tally: dict[str, int] = _members(outcome, "by_level").get(level, {})
    return tally


def _number(outcome: Outcome, name: str) -> int:
    number = outcome[name]
    assert isinstance(number, int), f"{name} is a number"
    return number


def describe_standstill(device: Device) -> dict[str, object]:
    """Returns the outcome of a target that no driver has taken notice of."""
    nothing = PassOutcome(
        result=Errno.EAGAIN,
        nr_passes=0,
        requested_size=device.requested_size,
        size_before=device.plugged_size,
        size=device.plugged_size,
        by_level={},
        offline_bytes=0,
        obstacles=(),
        obstacle_count=0,
        obstacle_groups=(),
        counts=PassCounts(),
        retry_ms=0,
    )
    return describe_outcome(device.id, nothing, simulated_us=0)


def _describe_piece(piece: StuckPiece) -> dict[str, object]:
    return {"pfn": piece.pfn, **_describe_reason(piece), "cause": str(piece.cause), "bytes": piece.nr_bytes}


def _describe_group(group: ObstacleGroup) -> dict[str, object]:
    return {
        **_describe_reason(group),
        "cause": str(group.cause),
        "count": group.nr_pieces,
        "bytes": group.nr_bytes,
    }


def _describe_reason(stayed: StuckPiece | ObstacleGroup | FailureGroup) -> dict[str, object]:
    return {
        "kind": None if stayed.kind is None else stayed.kind.api_name,
        # Memory that is added, or is offline, is handled by whole memory blocks.
        "level": str(stayed.level or Level.MEMORY_BLOCK),
        "result": str(stayed.result),
    }
