"""Unplug: the exact order of units and attempts, the fallback levels, and the reason for each piece that stays."""

from dataclasses import replace

import pytest

from app.mm.hotplug_rules import OnlinePolicy
from app.mm.page import PageKind
from app.mm.policies.policy import POLICIES, KernelPolicy
from app.mm.policies.switches import L1Order, Level
from app.mm.zone import ZoneId
from app.units import KIB, MIB
from app.virtio_mem.driver.options import ModuleParameters
from app.virtio_mem.driver.report import StuckPiece
from tests.virtio_mem.board import TEST_OWNER, TOY, Machine, build

BLOCK, CHUNK, PAGEBLOCK = "memory_block", "chunk", "pageblock"
THREE = (BLOCK, CHUNK, PAGEBLOCK)
BREADTH_FIRST = replace(POLICIES["linux-5.19"], l1_order=L1Order.BREADTH)


@pytest.mark.parametrize(
    ("fallback", "left", "expected"),
    [
        (THREE, 2, {BLOCK: (0, 1, 1), CHUNK: (124 * MIB, 32, 1), PAGEBLOCK: (2 * MIB, 2, 1)}),
        ((BLOCK, PAGEBLOCK), 2, {BLOCK: (0, 1, 1), PAGEBLOCK: (126 * MIB, 64, 1)}),
        ((BLOCK, CHUNK), 4, {BLOCK: (0, 1, 1), CHUNK: (124 * MIB, 32, 1)}),
        ((PAGEBLOCK,), 2, {PAGEBLOCK: (126 * MIB, 64, 1)}),
    ],
)
@pytest.mark.parametrize("offset", [0, 400 * KIB, 64 * MIB, 126 * MIB])
def test_one_slab_page_costs_what_the_levels_predict(
    fallback: tuple[str, ...], left: int, expected: dict[str, tuple[int, int, int]], offset: int
) -> None:
    """S28, D-13: 35 calls with three levels, 65 with two, 33 with chunks, wherever the page lies."""
    board = build(Machine(fallback=fallback))
    board.resize(128 * MIB)
    pfn = board.put(offset, PageKind.UNMOVABLE)
    outcome = board.resize(0)
    assert {level: tuple(tally) for level, tally in outcome.by_level.items()} == expected
    assert outcome.size == left * MIB
    assert (outcome.result, outcome.retry_ms, outcome.nr_passes) == ("EBUSY", 50_000, 1)
    piece = StuckPiece(pfn, PageKind.UNMOVABLE, Level(fallback[-1]), outcome.result, left * MIB)
    assert (outcome.obstacles, outcome.obstacle_count) == ((piece,), 1)


@pytest.mark.parametrize("bad_chunks", [0, 1, 7, 16, 32])
def test_calls_grow_with_the_bad_chunks_as_predicted(bad_chunks: int) -> None:
    """D-13: 1 + c + b*k calls for c chunks of k sub-blocks of which b hold an obstacle; 1 when none does."""
    board = build()
    board.resize(128 * MIB)
    for chunk in range(bad_chunks):
        board.put(chunk * 4 * MIB, PageKind.UNMOVABLE)
    outcome = board.resize(0)
    assert outcome.counts.contig_calls == (1 + 32 + 2 * bad_chunks if bad_chunks else 1)
    assert outcome.size == bad_chunks * 2 * MIB
    assert outcome.obstacle_count == bad_chunks


def test_idle_memory_block_goes_in_one_attempt_and_is_removed() -> None:
    """A free memory block: one attempt, one request, the block is absent; one more pass finds nothing to do."""
    board = build(TOY)
    board.resize(16 * MIB)
    outcome = board.resize(8 * MIB)
    assert board.attempts() == [(BLOCK, 8, 8, "0")]
    assert board.requests()[-1] == ("UNPLUG", 8, 8, "ACK")
    assert (outcome.nr_passes, outcome.counts.memory_blocks_removed) == (2, 1)
    assert board.driver.count_blocks()["kernel"] == 1


def test_depth_first_dissolves_a_busy_chunk_at_once() -> None:
    """D-9, D-11: memory blocks, chunks and sub-blocks all descend; a busy chunk is taken apart in its turn."""
    board = build(TOY)
    board.resize(8 * MIB)
    board.put(3 * MIB, PageKind.UNMOVABLE)
    board.resize(0)
    assert board.attempts() == [
        (BLOCK, 0, 8, "EBUSY"),
        (CHUNK, 6, 2, "0"),
        (CHUNK, 4, 2, "0"),
        (CHUNK, 2, 2, "EBUSY"),
        (PAGEBLOCK, 3, 1, "EBUSY"),
        (PAGEBLOCK, 2, 1, "0"),
        (CHUNK, 0, 2, "0"),
    ]


def test_breadth_first_tries_all_chunks_before_any_pageblock() -> None:
    """D-11: the variant that keeps larger holes together."""
    board = build(TOY._replace(driver_policy=BREADTH_FIRST))
    board.resize(8 * MIB)
    board.put(3 * MIB, PageKind.UNMOVABLE)
    board.resize(0)
    assert board.attempts() == [
        (BLOCK, 0, 8, "EBUSY"),
        (CHUNK, 6, 2, "0"),
        (CHUNK, 4, 2, "0"),
        (CHUNK, 2, 2, "EBUSY"),
        (CHUNK, 0, 2, "0"),
        (PAGEBLOCK, 3, 1, "EBUSY"),
        (PAGEBLOCK, 2, 1, "0"),
    ]


@pytest.mark.parametrize("driver_policy", [None, BREADTH_FIRST])
def test_small_request_goes_to_the_pageblocks_directly(driver_policy: KernelPolicy | None) -> None:
    """D-12: a unit is tried whole only if all of it is wanted, so that the target is met exactly."""
    board = build(TOY._replace(driver_policy=driver_policy))
    board.resize(16 * MIB)
    board.resize(13 * MIB)
    assert board.attempts() == [(CHUNK, 14, 2, "0"), (PAGEBLOCK, 13, 1, "0")]
    board.resize(12 * MIB)
    assert board.attempts()[2:] == [(PAGEBLOCK, 12, 1, "0")]


def test_section_level_stands_between_memory_block_and_pageblock() -> None:
    """8.6: with a section as the middle level, a busy section is dissolved and a free one goes whole."""
    board = build(TOY._replace(fallback=(BLOCK, "section", PAGEBLOCK)))
    board.resize(8 * MIB)
    board.put(0, PageKind.UNMOVABLE)
    board.resize(0)
    assert board.attempts() == [
        (BLOCK, 0, 8, "EBUSY"),
        ("section", 4, 4, "0"),
        ("section", 0, 4, "EBUSY"),
        (PAGEBLOCK, 3, 1, "0"),
        (PAGEBLOCK, 2, 1, "0"),
        (PAGEBLOCK, 1, 1, "0"),
        (PAGEBLOCK, 0, 1, "EBUSY"),
    ]


def test_partial_memory_blocks_go_before_full_ones() -> None:
    """D-10: a partly plugged memory block is emptied before a full one above it is touched."""
    board = build(TOY)
    board.resize(16 * MIB)
    for offset in range(8, 16):
        board.put(offset * MIB, PageKind.UNMOVABLE)
    board.resize(14 * MIB)  # only the lower block can give
    assert board.driver.count_blocks()["kernel_partial"] == 1
    board.node.free_runs(board.node.owned_pfns(TEST_OWNER))
    tried = len(board.attempts())
    board.resize(7 * MIB)
    assert board.attempts()[tried:] == [
        (CHUNK, 4, 2, "0"),
        (CHUNK, 2, 2, "0"),
        (CHUNK, 0, 2, "0"),
        (PAGEBLOCK, 15, 1, "0"),
    ]


def test_movable_memory_blocks_go_before_kernel_ones() -> None:
    """D-10, as recorded: ZONE_MOVABLE first, although the ZONE_NORMAL block lies above."""
    board = build(TOY._replace(online=OnlinePolicy.OFFLINE))
    board.resize(16 * MIB)
    assert board.online(8, ZoneId.MOVABLE) == "0"
    assert board.online(9, ZoneId.NORMAL) == "0"
    board.resize(8 * MIB)
    assert board.attempts() == [(BLOCK, 0, 8, "0")]
    assert board.driver.count_blocks() == {
        "unused": 7,
        "plugged": 0,
        "offline": 0,
        "offline_partial": 0,
        "kernel": 1,
        "kernel_partial": 0,
        "movable": 0,
        "movable_partial": 0,
    }


@pytest.mark.parametrize(("kernel", "attempts"), [("linux-5.10", 1), ("linux-5.15", 5), ("linux-5.19", 5)])
def test_busy_unit_in_zone_movable_is_tried_as_often_as_recorded(kernel: str, attempts: int) -> None:
    """S38: five attempts for each failing unit in ZONE_MOVABLE; one on 5.10."""
    board = build(TOY._replace(policy=kernel, online=OnlinePolicy.ONLINE_MOVABLE))
    board.resize(8 * MIB)
    pfn = board.put(0, PageKind.PINNED)
    outcome = board.resize(0)
    lowest = outcome.by_level[board.driver.levels[-1]]
    assert outcome.by_level[Level.MEMORY_BLOCK] == (0, attempts, attempts)
    assert lowest.failed == attempts
    assert (outcome.obstacles[0].pfn, outcome.obstacles[0].kind) == (pfn, PageKind.PINNED)


def test_busy_unit_in_a_kernel_zone_is_tried_once() -> None:
    """8.7: kernel zones are likely to hold something unmovable, so one attempt must do."""
    board = build(TOY)
    board.resize(8 * MIB)
    board.put(0, PageKind.PINNED)
    outcome = board.resize(0)
    assert [tally.failed for tally in outcome.by_level.values()] == [1, 1, 1]


def test_unmovable_page_stops_an_attempt_before_anything_is_migrated() -> None:
    """S14: fail early. The anon page beside a slab page stays where it is."""
    board = build(TOY)
    board.resize(8 * MIB)
    board.put(0, PageKind.UNMOVABLE)
    board.put(128 * KIB, PageKind.ANON)
    outcome = board.resize(0)
    assert outcome.counts.nr_migrated == 0
    assert outcome.counts.contig_drains == outcome.counts.contig_calls - 3  # block, chunk and pageblock


def test_movable_pages_are_migrated_and_counted() -> None:
    """Anon pages move away, clean cache is dropped; both are told."""
    board = build(TOY)
    board.resize(8 * MIB)
    board.put(0, PageKind.ANON)
    board.put(1 * MIB, PageKind.THP, order=3)
    board.put(2 * MIB, PageKind.FILE_CLEAN)
    outcome = board.resize(0)
    counts = outcome.counts
    assert outcome.size == 0
    assert (counts.nr_migrated, counts.nr_migrated_huge, counts.nr_huge, counts.nr_dropped) == (9, 8, 1, 1)


def test_offline_memory_needs_no_attempt() -> None:
    """8.5: from the top down, whole runs, one request each; an empty block is removed without going online."""
    board = build(TOY._replace(online=OnlinePolicy.OFFLINE))
    board.resize(16 * MIB)
    outcome = board.resize(5 * MIB)
    assert board.attempts() == []
    assert board.requests()[-2:] == [("UNPLUG", 8, 8, "ACK"), ("UNPLUG", 5, 3, "ACK")]
    assert outcome.offline_bytes == 11 * MIB
    assert board.driver.count_blocks()["offline_partial"] == 1
    assert board.driver.book.offline_size == 8 * MIB


def test_offline_memory_goes_before_online_memory() -> None:
    """8.5: what is offline is given back first, even below online blocks."""
    board = build(TOY._replace(online=OnlinePolicy.OFFLINE))
    board.resize(16 * MIB)
    board.online(9, ZoneId.MOVABLE)
    board.resize(8 * MIB)
    assert board.attempts() == []
    assert board.requests()[-1] == ("UNPLUG", 0, 8, "ACK")


def test_online_memory_stays_without_permission() -> None:
    """unplug_online off: no attempt, no error, no retry (8.5)."""
    board = build(TOY._replace(parameters=ModuleParameters(unplug_online=False)))
    board.resize(16 * MIB)
    outcome = board.resize(0)
    assert (outcome.result, outcome.size, outcome.retry_ms) == ("0", 16 * MIB, 0)
    assert board.attempts() == []


def test_chunk_memory_block_of_an_old_driver_is_tried_twice() -> None:
    """Before big block mode a sub-block may fill its memory block: tried as the block, then as the sub-block."""
    board = build(TOY._replace(policy="linux-5.10", block_size=8 * MIB))
    board.resize(8 * MIB)
    board.put(0, PageKind.UNMOVABLE)
    board.resize(0)
    assert board.attempts() == [(BLOCK, 0, 1, "EBUSY"), (CHUNK, 0, 1, "EBUSY")]


def test_pieces_that_stay_are_told_from_the_top_and_bounded() -> None:
    """One page in each of 80 sub-blocks: all are counted, 64 are told, the highest first."""
    board = build(Machine(fallback=(BLOCK, PAGEBLOCK)))
    board.resize(256 * MIB)
    for subblock in range(80):
        board.put(subblock * 2 * MIB, PageKind.RECLAIMABLE)
    outcome = board.resize(0)
    assert outcome.obstacle_count == 80
    assert outcome.size == 160 * MIB
    assert len(outcome.obstacles) == 64
    assert outcome.obstacles[0].pfn == board.pfn(158 * MIB)
    assert {piece.kind for piece in outcome.obstacles} == {PageKind.RECLAIMABLE}


def test_repeated_pass_counts_attempts_and_tells_each_piece_once() -> None:
    """A pass that removed memory is repeated: pieces are those of the end, attempts are all that were made."""
    board = build(TOY)
    board.resize(24 * MIB)
    board.put(0, PageKind.UNMOVABLE)
    board.put(12 * MIB, PageKind.UNMOVABLE)
    outcome = board.resize(0)
    assert (outcome.nr_passes, outcome.obstacle_count, outcome.size) == (2, 2, 2 * MIB)
    assert [piece.pfn for piece in outcome.obstacles] == [board.pfn(12 * MIB), board.pfn(0)]
    # First pass: 3 memory blocks, one of them goes. Second: only the two sub-blocks are plugged.
    assert outcome.by_level[Level.MEMORY_BLOCK] == (8 * MIB, 3, 2)
    assert outcome.by_level[Level.PAGEBLOCK] == (2 * MIB, 4 + 2, 2 + 2)


def test_met_target_has_no_obstacles() -> None:
    """A piece that failed on the way is no obstacle when other pieces met the target."""
    board = build(TOY)
    board.resize(16 * MIB)
    board.put(15 * MIB, PageKind.UNMOVABLE)
    outcome = board.resize(15 * MIB)
    assert outcome.by_level[Level.PAGEBLOCK] == (1 * MIB, 2, 1)
    assert (outcome.result, outcome.obstacle_count, outcome.obstacles) == ("0", 0, ())


@pytest.mark.parametrize(
    ("kernel", "block_failed", "unit_taken", "unit_failed", "left"),
    [("linux-5.10", 8, 131, 125, 500), ("linux-5.19", 40, 387, 625, 250)],
    ids=["5.10", "6.1"],
)
def test_pinned_pages_cost_as_many_calls_as_recorded(
    kernel: str, block_failed: int, unit_taken: int, unit_failed: int, left: int
) -> None:
    """One pin in every 4th pageblock of 1 GiB in ZONE_MOVABLE: calls by range and result of the real kernels."""
    machine = Machine(policy=kernel, fallback=(BLOCK, PAGEBLOCK), online=OnlinePolicy.ONLINE_MOVABLE)
    board = build(machine)
    board.resize(1024 * MIB)
    for pageblock in range(0, 500, 4):
        board.put(pageblock * 2 * MIB, PageKind.PINNED)
    outcome = board.resize(0)
    whole, unit = outcome.by_level.values()
    assert (whole.attempts, whole.failed) == (block_failed, block_failed)
    assert (unit.attempts, unit.failed) == (unit_taken + unit_failed, unit_failed)
    assert (outcome.size, outcome.obstacle_count, outcome.nr_passes) == (left * MIB, 125, 1)
