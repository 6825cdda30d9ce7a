"""Acts: what each does to memory, in which sections, and what it answers."""

import pytest

from app.mm.census import collect_runs
from app.mm.checks.invariants import verify
from app.mm.outcome import Caller
from app.mm.page import Migratetype, PageKind
from app.scenario.acting import Answer
from app.scenario.picture import LETTERS, draw, draw_types
from app.scenario.playing import Play
from app.scenario.script import (
    Act,
    Allocate,
    AllocateAt,
    AreaSpec,
    CmaAlloc,
    CmaRelease,
    Contig,
    DeclareArea,
    Free,
    GuestStart,
    Isolate,
    OfflineMemory,
    PictureStart,
    Resize,
    Undo,
    Unreserve,
)
from app.units import MIB
from tests.scenario.plays import GUEST, make_play


def run_to_end(play: Play, name: str = "A") -> list[str]:
    """Lets one actor do all it has to do; returns the points that it passed."""
    points = []
    while not play.players[name].has_ended:
        points.append(play.advance(name).point)
    return points


def played(picture: str | PictureStart | GuestStart, *acts: Act, policy: str = "linux-5.19") -> Play:
    """Returns a play of one actor at its end."""
    play = make_play(picture, tuple(acts), policy=policy)
    run_to_end(play)
    return play


def test_contig_passes_the_points_of_the_text() -> None:
    """A free page over the edge is cut in a section of its own up to 6.9; whoever fails has fewer points."""
    play = make_play("|....|M...|", Contig(4, 8, kind=PageKind.OFFLINE))
    assert run_to_end(play) == ["isolate", "drain", "migrate", "take", "undo"]
    assert run_to_end(make_play("|....|....|", Contig(4, 8)))[:2] == ["cut", "isolate"]
    assert draw(play.stage.node) == "|M...|OOOO|"
    assert play.stage.zone.managed == 4
    failed = make_play("|....|U...|", Contig(4, 8))
    assert run_to_end(failed) == ["end"]
    assert failed.players["A"].result == "EBUSY@isolate"


def test_contig_that_is_interrupted_ends_with_eintr() -> None:
    """The signal arrives in the migration step, so that nothing has moved."""
    play = played("|....|M...|", Contig(4, 8, is_interrupted=True))
    assert play.players["A"].result == "EINTR@migrate"
    assert draw(play.stage.node) == "|....|M...|"


def test_contig_reports_migrated_pages_and_lost_types() -> None:
    """Up to 6.16 an UNMOVABLE pageblock comes back MOVABLE (I-10)."""
    play = played(PictureStart("|....|MM..|", types="MU"), Contig(4, 8))
    assert (play.players["A"].nr_migrated, play.types_lost) == (2, ("1 UNMOVABLE->MOVABLE",))
    kept = played(PictureStart("|....|MM..|", types="MU"), Contig(4, 8), policy="linux-6.17")
    assert kept.types_lost == ()


def test_isolate_holds_until_undo_gives_back() -> None:
    """In between the play is not at rest, and the type is known for the comparison at the end."""
    play = make_play(PictureStart("|....|....|", types="RM"), Isolate(0, 4), Undo(0, 4))
    run_to_end(play, "A")
    assert (draw_types(play.stage.node)[0], play.is_operating) == ("I", True)
    run_to_end(play, "B")
    assert play.types_lost == ("0 RECLAIMABLE->MOVABLE",)
    assert (draw_types(play.stage.node), play.is_operating) == ("MM", False)


def test_undo_that_comes_second_finds_its_pageblocks_given_back() -> None:
    """Two who undo the same pageblock: whoever is later has nothing left to do, and it comes back once."""
    play = make_play("|....|....|", Isolate(0, 8), Undo(0, 8), Undo(0, 8))
    run_to_end(play, "A")
    play.advance("B")
    run_to_end(play, "C")
    run_to_end(play, "B")
    assert draw_types(play.stage.node) == "MM"


def test_undo_leaves_to_others_what_they_isolate_behind_it() -> None:
    """A pageblock that was given back, and isolated by somebody else since, is held until that one gives it back."""
    play = make_play("|....|M...|", Isolate(0, 8), Undo(0, 8), Isolate(0, 4), Undo(0, 4))
    run_to_end(play, "A")
    play.advance("B")
    run_to_end(play, "C")
    run_to_end(play, "B")
    assert (set(play.stage.held), draw_types(play.stage.node)) == ({0}, "IM")
    run_to_end(play, "D")
    assert (set(play.stage.held), draw_types(play.stage.node)) == (set(), "MM")


def test_isolate_that_fails_holds_nothing_and_tells_what_it_lost() -> None:
    """S18: the first pageblock was isolated, and comes back as another type."""
    play = played(PictureStart("|....|U...|", types="RM"), Isolate(0, 8), policy="linux-5.15")
    assert play.players["A"].result == "EBUSY@isolate"
    assert (play.stage.held, play.types_lost) == ({}, ("0 RECLAIMABLE->MOVABLE",))


def test_allocate_takes_run_by_run_until_there_is_no_room() -> None:
    """Each run is a section; the first that fails ends the act."""
    play = make_play("|UUU.|UUU.|", Allocate(PageKind.ANON, nr_runs=3))
    assert run_to_end(play) == ["allocate"] * 3
    assert (play.players["A"].result, draw(play.stage.node)) == ("ENOMEM", "|UUUM|UUUM|")
    play = played("|....|....|", Allocate(PageKind.ANON, order=1))
    assert (play.players["A"].result, play.players["A"].pfn) == ("OK", 0)


def test_allocate_may_leave_cma_alone() -> None:
    """A movable request that may not use CMA finds nothing in a CMA pageblock (B-11)."""
    start = PictureStart("|UUUU|....|", types="UC")
    assert played(start, Allocate(PageKind.ANON)).players["A"].result == "OK"
    assert played(start, Allocate(PageKind.ANON, is_cma_allowed=False)).players["A"].result == "ENOMEM"


def test_allocate_at_takes_free_pages_only() -> None:
    """A page in use is EBUSY."""
    play = played("|M...|....|", AllocateAt(PageKind.PINNED, 4, 1))
    assert (play.players["A"].pfn, draw(play.stage.node)) == (4, "|M...|P-..|")
    assert played("|M...|....|", AllocateAt(PageKind.PINNED, 0)).players["A"].result == "EBUSY"


def test_free_gives_back_used_runs_and_unplugged_ones() -> None:
    """Reserved pages are nobody's to free; unplugged ones are managed again."""
    play = played("|MU..|OOOO|RRRR|M...|", Free(0, 12))
    assert draw(play.stage.node) == "|....|....|RRRR|M...|"
    assert play.stage.zone.managed == 12


@pytest.mark.parametrize("kind", [PageKind.UNMOVABLE, PageKind.OFFLINE])
def test_free_leaves_what_an_operation_has_taken_and_not_handed_out(kind: PageKind) -> None:
    """Whenever it comes: the operation takes all it wants, and no list is broken; afterwards it frees all."""
    play = make_play("|....|....|", Contig(0, 4, kind=kind), Free(0, 8), policy="linux-6.17")
    while play.advance("A").point != "take":
        continue
    play.advance("B")
    run_to_end(play)
    assert (draw(play.stage.node)[1:5], verify(play.stage.node)) == (LETTERS[kind] * 4, [])
    assert not play.stage.owners_under_way
    if kind is PageKind.OFFLINE:
        assert {run.owner for run in collect_runs(play.stage.node)} == {0}
    assert draw(played("|....|....|", Contig(0, 4, kind=kind), Free(0, 8)).stage.node) == "|....|....|"


def test_free_leaves_what_cma_has_taken_and_not_handed_out() -> None:
    """An area's pages stay while the area is allocated from."""
    start = PictureStart("|....|....|", types="CM", areas=(AreaSpec("X", 0, 4),))
    play = make_play(start, CmaAlloc("X", 4), Free(0, 8), policy="linux-6.17")
    while play.advance("A").point != "take":
        continue
    play.advance("B")
    run_to_end(play)
    assert (draw(play.stage.node), verify(play.stage.node)) == ("|UUUU|....|", [])


def test_unreserve_tells_whether_a_pageblock_was_given() -> None:
    """Without a reserve there is none."""
    start = PictureStart("|....|....|", types="HM")
    assert played(start, Unreserve(Migratetype.MOVABLE, is_forced=True)).players["A"].result == "OK"
    assert played("|....|....|", Unreserve(Migratetype.MOVABLE)).players["A"].result == "NONE"


@pytest.mark.parametrize(("policy", "result"), [("linux-5.15", "EINVAL"), ("linux-5.19", "OK")])
def test_area_is_declared_where_the_policy_lets_it_be(policy: str, result: str) -> None:
    """C-7: up to 5.18 an area is whole chunks; an area that is not there gives nothing."""
    area = AreaSpec("X", 4, 8)
    play = played("|....|RRRR|", DeclareArea(area), CmaAlloc("X", 2), CmaRelease("X", 4, 6), policy=policy)
    assert play.players["A"].result == result
    refused = played("|....|RRRR|", DeclareArea(area), CmaAlloc("X", 2), policy=policy)
    assert refused.players["A"].pfn == (4 if result == "OK" else -1)


def test_cma_alloc_waits_for_the_lock_that_another_holds() -> None:
    """With a global lock the second caller passes nothing but the waiting."""
    start = PictureStart("|....|....|", types="CC", areas=(AreaSpec("X", 0, 4), AreaSpec("Y", 4, 8)))
    play = make_play(start, CmaAlloc("X", 4), CmaAlloc("Y", 4))
    play.advance("A")
    assert [play.advance("B").point for _ in range(2)] == ["wait", "wait"]
    assert (play.players["B"].standing, play.choices) == ("WAIT", ["A"])
    run_to_end(play)
    assert play.choices == ["B"]
    run_to_end(play, "B")
    assert [player.result for player in play.players.values()] == ["OK", "OK"]


def test_offline_of_a_picture_removes_the_memory_block() -> None:
    """A picture's memory block is a chunk."""
    play = played("|....|....|M...|....|", OfflineMemory(8, 16))
    assert (play.players["A"].result, draw(play.stage.node)) == ("OK", "|M...|....|    |    |")


def test_offline_on_a_guest_is_its_drivers_business() -> None:
    """The driver knows the memory block as offline; the driver's own work has not run yet."""
    play = played(GUEST, OfflineMemory(0, 32768))
    assert play.players["A"].result == "OK"
    outcome = played(GUEST, OfflineMemory(0, 32768), Resize(0)).players["A"]
    assert (outcome.values["size"], outcome.values["calls"]) == (0, 0)


def test_resize_tells_the_drivers_report_by_dotted_names() -> None:
    """Sizes, attempts by level, answers of the device, the timer."""
    values = played(GUEST, Resize(64 * MIB, busy=1)).players["A"].values
    seen = {name: values[name] for name in ("size", "retry_ms", "driver", "answers.UNPLUG.BUSY", "passes")}
    assert seen == {
        "size": 128 * MIB,
        "retry_ms": 50_000,
        "driver": "waiting_retry",
        "answers.UNPLUG.BUSY": 1,
        "passes": 1,
    }
    assert values["calls"] == values["by_level.pageblock.attempts"] == 1


def test_allocations_on_a_guest_are_the_guests_own() -> None:
    """What AllocateAt takes, Free gives back, and the guest's table follows."""
    play = make_play(GUEST, (AllocateAt(PageKind.ANON, 3), Free(0, 512), AllocateAt(PageKind.ANON, 3)))
    run_to_end(play)
    assert play.players["A"].result == "OK"
    assert (
        played(GUEST, AllocateAt(PageKind.ANON, 3), AllocateAt(PageKind.ANON, 3)).players["A"].result
        == "EBUSY"
    )


def test_answers_end_at_the_last_section_by_default() -> None:
    """An act of many sections ends when nothing is left to do."""
    assert Answer("OK").point == "end"
    assert Caller.ORDINARY is Contig(0, 4).caller
