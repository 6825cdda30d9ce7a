"""The report of a work item: tallies, pieces that stay, the shortage beside them, and counts for the clock."""

from app.mm.outcome import ContigOutcome, Errno, Obstacle, TypeLost
from app.mm.page import Migratetype, PageKind
from app.mm.policies.switches import Level
from app.units import MIB
from app.virtio_mem.driver.block_map import BlockMap
from app.virtio_mem.driver.fallback import FallbackPlan, UnplugLevel
from app.virtio_mem.driver.report import (
    MAX_OBSTACLES,
    FailureGroup,
    LevelTally,
    ObstacleGroup,
    PassCounts,
    PassTally,
    StuckPiece,
    TypesLost,
    WorkReport,
)

PLAN = FallbackPlan(
    2 * MIB,
    64,
    (UnplugLevel(Level.MEMORY_BLOCK, 64), UnplugLevel(Level.CHUNK, 2), UnplugLevel(Level.PAGEBLOCK, 1)),
)


def make_report(nr_memory_blocks: int = 2) -> tuple[WorkReport, BlockMap]:
    """A report over fully plugged memory blocks."""
    blocks = BlockMap(nr_memory_blocks, 64)
    for _ in range(nr_memory_blocks):
        blocks.plugged[blocks.claim_next()] = blocks.full_mask
    return WorkReport(PLAN, blocks), blocks


def piece(pfn: int, result: Errno = Errno.EBUSY, nr_bytes: int = 2 * MIB) -> StuckPiece:
    """A piece that a page of slab keeps."""
    return StuckPiece(pfn, PageKind.UNMOVABLE, Level.PAGEBLOCK, result, nr_bytes)


def test_by_level_tells_every_level_in_order() -> None:
    """Levels that nothing happened on are told with zeros."""
    report, _ = make_report()
    report.level_bytes[1], report.level_attempts[1], report.level_failed[1] = 4 * MIB, 3, 2
    assert report.by_level() == {
        Level.MEMORY_BLOCK: LevelTally(0, 0, 0),
        Level.CHUNK: LevelTally(4 * MIB, 3, 2),
        Level.PAGEBLOCK: LevelTally(0, 0, 0),
    }
    assert list(report.by_level()) == [level.level for level in PLAN.levels]


def test_add_attempt_counts_failures_by_reason_and_types_lost() -> None:
    """Every call counts on its level; failures are told by level, result and kind, types by old and new one."""
    report, _ = make_report()
    lost = (TypeLost(0, Migratetype.UNMOVABLE, Migratetype.MOVABLE),)
    busy = ContigOutcome(Errno.EBUSY, "isolate", Obstacle(7, PageKind.UNMOVABLE))
    for outcome in (busy, ContigOutcome(Errno.OK, types_lost=2 * lost), busy._replace(types_lost=lost)):
        report.add_attempt(2, outcome)
    report.add_attempt(0, ContigOutcome(Errno.EINVAL, "isolate"))
    assert report.by_level()[Level.PAGEBLOCK] == LevelTally(0, 3, 2)
    assert report.failures() == (
        FailureGroup(Level.PAGEBLOCK, Errno.EBUSY, PageKind.UNMOVABLE, 2),
        FailureGroup(Level.MEMORY_BLOCK, Errno.EINVAL, None, 1),
    )
    assert report.types_lost() == (TypesLost(Migratetype.UNMOVABLE, Migratetype.MOVABLE, 3),)


def test_piece_that_went_later_is_no_obstacle() -> None:
    """Only what is plugged at the end is told and counted."""
    report, blocks = make_report()
    report.add_stuck(0, 3, piece(30))
    report.add_stuck(1, 5, piece(150))
    blocks.plugged[0] &= ~(1 << 3)
    assert report.obstacle_count() == 1
    assert report.obstacles() == (piece(150),)


def test_piece_that_failed_twice_is_told_once_with_the_newest_reason() -> None:
    """A second pass replaces what the first one found."""
    report, _ = make_report()
    report.add_stuck(0, 3, piece(30))
    report.begin_pass()
    report.add_stuck(0, 3, piece(31))
    assert (report.obstacle_count(), report.obstacles()) == (1, (piece(31),))


def test_obstacles_are_bounded_and_gone_ones_make_room() -> None:
    """MAX_OBSTACLES are told; when those went in a later pass, others take their place."""
    report, blocks = make_report()
    for subblock in range(64):
        report.add_stuck(1, subblock, piece(1000 + subblock))
    report.add_stuck(0, 63, piece(63))
    assert (report.obstacle_count(), len(report.obstacles())) == (65, MAX_OBSTACLES)
    blocks.plugged[1] = 0
    report.begin_pass()
    report.add_stuck(0, 63, piece(63))
    assert (report.obstacle_count(), report.obstacles()) == (1, (piece(63),))


def test_full_list_still_takes_a_newer_reason() -> None:
    """A piece that is told already is told with what the last pass found."""
    report, _ = make_report()
    for subblock in range(64):
        report.add_stuck(1, subblock, piece(subblock))
    report.add_stuck(1, 63, piece(4711))
    assert report.obstacles()[0].pfn == 4711


def test_shortage_leaves_out_pieces_that_failed_by_themselves() -> None:
    """The shortage comes first, and its bytes are what nobody else accounts for."""
    report, _ = make_report()
    report.add_stuck(1, 9, piece(9))
    report.set_shortage(piece(5, Errno.ENOMEM, 10 * MIB))
    assert report.obstacles() == (piece(5, Errno.ENOMEM, 8 * MIB), piece(9))
    assert report.obstacle_count() == 2
    report.begin_pass()
    assert report.obstacles() == (piece(9),)


def test_shortage_with_a_full_list_keeps_the_bound() -> None:
    """The shortage takes one of the places."""
    report, _ = make_report()
    for subblock in range(64):
        report.add_stuck(1, subblock, piece(subblock))
    report.set_shortage(piece(5, Errno.ENOMEM))
    assert len(report.obstacles()) == MAX_OBSTACLES
    assert report.obstacles()[0].result is Errno.ENOMEM


def test_forget_stuck_forgets_every_piece() -> None:
    """Once they are wanted again, nothing is stuck."""
    report, _ = make_report()
    report.add_stuck(0, 3, piece(30))
    report.forget_stuck()
    assert (report.obstacle_count(), report.obstacles()) == (0, ())


def test_pass_tally_adds_up_contig_calls() -> None:
    """Migrated and dropped pages, isolated pageblocks, and calls that came past isolation."""
    tally = PassTally(requests_before=10)
    tally.add_contig(ContigOutcome(Errno.EBUSY, "isolate"))
    outcome = ContigOutcome(Errno.OK, "", None, nr_migrated=20, nr_migrated_huge=16, nr_huge=2, nr_dropped=3)
    tally.add_contig(outcome._replace(nr_pageblocks=64))
    assert tally.counts(15) == PassCounts(
        contig_calls=2,
        contig_drains=1,
        isolated_pageblocks=64,
        nr_migrated=20,
        nr_migrated_huge=16,
        nr_huge=2,
        nr_dropped=3,
        device_requests=5,
    )


def test_pass_counts_add_up_field_by_field() -> None:
    """plus() adds each count to its own."""
    ones = PassCounts(*range(1, len(PassCounts._fields) + 1))
    assert ones.plus(ones) == PassCounts(*(2 * count for count in ones))


def test_obstacle_groups_count_every_piece_by_its_last_reason() -> None:
    """A piece that fails anew for another reason moves to its group; pieces that went leave theirs."""
    report, blocks = make_report()
    for subblock in range(3):
        report.add_stuck(1, subblock, piece(subblock))
    report.add_stuck(1, 2, piece(2)._replace(kind=PageKind.PINNED))
    report.add_stuck(0, 7, piece(7))
    blocks.plugged[0] &= ~(1 << 7)
    report.set_shortage(piece(99, Errno.ENOMEM, 20 * MIB))
    assert report.obstacle_groups() == (
        ObstacleGroup(PageKind.UNMOVABLE, Level.PAGEBLOCK, Errno.ENOMEM, 1, 14 * MIB),
        ObstacleGroup(PageKind.UNMOVABLE, Level.PAGEBLOCK, Errno.EBUSY, 2, 4 * MIB),
        ObstacleGroup(PageKind.PINNED, Level.PAGEBLOCK, Errno.EBUSY, 1, 2 * MIB),
    )
