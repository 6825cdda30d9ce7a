"""Outcomes as JSON: amounts and targets, levels, and a reason for each piece that stayed."""

from app.guest.resize_outcome import describe_outcome, describe_standstill, join_outcomes
from app.mm.outcome import Errno
from app.mm.page import Migratetype, PageKind
from app.mm.policies.switches import Level
from app.units import MIB
from app.virtio_mem.device import Device
from app.virtio_mem.driver.causes import Cause
from app.virtio_mem.driver.report import (
    FailureGroup,
    LevelTally,
    ObstacleGroup,
    PassCounts,
    PassOutcome,
    StuckPiece,
    TypesLost,
)
from app.virtio_mem.region import DeviceRegion

UNPLUG = PassOutcome(
    result=Errno.EBUSY,
    nr_passes=1,
    requested_size=0,
    size_before=128 * MIB,
    size=2 * MIB,
    by_level={Level.MEMORY_BLOCK: LevelTally(0, 1, 1), Level.PAGEBLOCK: LevelTally(126 * MIB, 64, 1)},
    offline_bytes=0,
    obstacles=(StuckPiece(77, PageKind.UNMOVABLE, Level.PAGEBLOCK, Errno.EBUSY, 2 * MIB),),
    obstacle_count=1,
    obstacle_groups=(ObstacleGroup(PageKind.UNMOVABLE, Level.PAGEBLOCK, Errno.EBUSY, 1, 2 * MIB),),
    counts=PassCounts(nr_migrated=9, nr_dropped=4),
    retry_ms=50_000,
    failures=(
        FailureGroup(Level.PAGEBLOCK, Errno.EBUSY, PageKind.UNMOVABLE, 1),
        FailureGroup(Level.MEMORY_BLOCK, Errno.ENOMEM, None, 1),
    ),
    types_lost=(TypesLost(Migratetype.UNMOVABLE, Migratetype.MOVABLE, 3),),
)


def test_describe_partial_unplug_tells_all() -> None:
    """Every member of the issue's shape, in bytes."""
    assert describe_outcome("vm0", UNPLUG, simulated_us=5) == {
        "device": "vm0",
        "state": "partial",
        "requested": 128 * MIB,
        "achieved": 126 * MIB,
        "requested_size": 0,
        "size": 2 * MIB,
        "by_level": {
            "memory_block": {"bytes": 0, "attempts": 1, "failed": 1},
            "pageblock": {"bytes": 126 * MIB, "attempts": 64, "failed": 1},
        },
        "obstacle_count": 1,
        "obstacles": [
            {
                "pfn": 77,
                "kind": "unmovable",
                "level": "pageblock",
                "result": "EBUSY",
                "cause": "page",
                "bytes": 2 * MIB,
            }
        ],
        "obstacle_groups": [
            {
                "kind": "unmovable",
                "level": "pageblock",
                "result": "EBUSY",
                "cause": "page",
                "count": 1,
                "bytes": 2 * MIB,
            }
        ],
        "is_simulator_limit": False,
        "failures": [
            {"kind": "unmovable", "level": "pageblock", "result": "EBUSY", "count": 1},
            {"kind": None, "level": "memory_block", "result": "ENOMEM", "count": 1},
        ],
        "migrated_pages": 9,
        "dropped_pages": 4,
        "types_lost": {"UNMOVABLE->MOVABLE": 3},
        "simulated_us": 5,
    }


def test_describe_shortage_without_page_or_level() -> None:
    """A plug that ran out of memory has no page in the way; it is told at the memory block."""
    shortage = StuckPiece(None, None, None, Errno.ENOMEM, 128 * MIB, Cause.MEMORY)
    plug = UNPLUG._replace(
        requested_size=256 * MIB, size=128 * MIB, obstacles=(shortage,), result=Errno.ENOMEM
    )
    shown = describe_outcome("vm0", plug, simulated_us=0)
    assert (shown["requested"], shown["achieved"]) == (128 * MIB, 0)
    assert shown["obstacles"] == [
        {
            "pfn": None,
            "kind": None,
            "level": "memory_block",
            "result": "ENOMEM",
            "cause": "memory",
            "bytes": 128 * MIB,
        }
    ]


def test_describe_done_when_target_is_met() -> None:
    """Done means that the device has what was asked for, whatever the driver's last result."""
    done = UNPLUG._replace(size=0, result=Errno.OK, obstacles=(), obstacle_count=0)
    assert describe_outcome("vm0", done, simulated_us=0)["state"] == "done"


def test_describe_of_what_linux_would_still_try_says_so() -> None:
    """HP-6: EINTR is never the kernel's own, whose thread gets no signal."""
    group = ObstacleGroup(PageKind.PINNED, Level.BIG_BLOCK, Errno.EINTR, 1, 128 * MIB)
    outcome = UNPLUG._replace(result=Errno.EINTR, obstacle_groups=(group,))
    assert describe_outcome("vm0", outcome, simulated_us=5)["is_simulator_limit"] is True


def test_target_that_nobody_noticed_is_partial_with_nothing_done() -> None:
    """What is missing is told; no attempt, no obstacle, no time."""
    device = Device("vm0", DeviceRegion(0, 64 * MIB, 2 * MIB), requested_size=32 * MIB)
    described = describe_standstill(device)
    assert (described["state"], described["requested"], described["achieved"]) == ("partial", 32 * MIB, 0)
    assert (described["obstacle_count"], described["failures"], described["simulated_us"]) == (0, [], 0)


def test_joined_outcomes_add_up_and_end_as_the_later_one() -> None:
    """A retry that takes nothing more leaves what was taken, adds its attempts, and tells what stays now."""
    nothing = {Level.MEMORY_BLOCK: LevelTally(0, 0, 0), Level.PAGEBLOCK: LevelTally(0, 1, 1)}
    retry = UNPLUG._replace(
        size_before=2 * MIB, by_level=nothing, counts=PassCounts(), failures=UNPLUG.failures[:1]
    )
    first = describe_outcome("vm0", UNPLUG, simulated_us=5)
    joined = join_outcomes(first, describe_outcome("vm0", retry, simulated_us=7))
    assert {name for name in joined if joined[name] != first[name]} == {
        "by_level",
        "failures",
        "simulated_us",
        "types_lost",
    }
    assert joined["by_level"] == {
        "memory_block": {"bytes": 0, "attempts": 1, "failed": 1},
        "pageblock": {"bytes": 126 * MIB, "attempts": 65, "failed": 2},
    }
    assert joined["failures"] == [
        {"kind": "unmovable", "level": "pageblock", "result": "EBUSY", "count": 2},
        {"kind": None, "level": "memory_block", "result": "ENOMEM", "count": 1},
    ]
    assert (joined["simulated_us"], joined["types_lost"]) == (12, {"UNMOVABLE->MOVABLE": 6})
