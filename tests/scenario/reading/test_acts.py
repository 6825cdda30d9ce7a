"""Actors, acts and schedules from files."""

import pytest

from app.mm.outcome import Caller
from app.mm.page import Migratetype, PageKind
from app.mm.sections import Point
from app.scenario import acting, script
from app.scenario.reading.acts import (
    LARGEST_NR_ACTORS,
    LARGEST_NR_ACTS,
    LARGEST_NR_SECTIONS,
    LARGEST_NR_TURNS,
    POINTS,
    read_actors,
    read_schedule,
    turns_in_order,
)
from app.scenario.reading.document import parse_document
from app.scenario.reading.start import read_start
from app.scenario.script import AreaSpec, Turn
from tests.scenario.bad_files import assert_refused, replaced

A_LINE, B_LINE, SCHEDULE_LINE = 5, 6, 7
PICTURE = '{pages: "|....|....|....|....|", areas: {X: [0, 8]}}'
GUEST = "{guest: x86-64, boot: 1GiB, device: 128MiB, requested: 64MiB}"


def acts(text: str, start: str = PICTURE) -> tuple[script.Act, ...]:
    """Reads the acts of one actor."""
    _, ground = read_start(parse_document(start, file="f"))
    (actor,) = read_actors(parse_document(f"A: {text}", file="f"), ground)
    return actor.acts


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("{contig: [0, 4]}", script.Contig(0, 4)),
        (
            "{contig: [0, 4], caller: cma, as: offline, interrupted: yes}",
            script.Contig(0, 4, Caller.CMA, PageKind.OFFLINE, is_interrupted=True),
        ),
        ("{isolate: [0, 4], caller: memory_offline}", script.Isolate(0, 4, Caller.MEMORY_OFFLINE)),
        ("{undo: [4, 8]}", script.Undo(4, 8)),
        ("{allocate: slab}", script.Allocate(PageKind.UNMOVABLE)),
        (
            "{allocate: anon, order: 1, runs: 2, cma: no, highatomic: yes}",
            script.Allocate(PageKind.ANON, 1, 2, is_cma_allowed=False, is_highatomic=True),
        ),
        ("{allocate: thp}", script.Allocate(PageKind.THP, 2)),
        ("{allocate: pinned, at: 6, order: 1}", script.AllocateAt(PageKind.PINNED, 6, 1)),
        ("{free: [3, 9]}", script.Free(3, 9)),
        ("{unreserve: reclaimable, forced: yes}", script.Unreserve(Migratetype.RECLAIMABLE, is_forced=True)),
        ("{declare: {Y: [8, 16]}}", script.DeclareArea(AreaSpec("Y", 8, 16))),
        ("{cma_alloc: X, pages: 3, align: 1}", script.CmaAlloc("X", 3, 1)),
        ("{cma_release: X, pages: [2, 6]}", script.CmaRelease("X", 2, 6)),
        ("{offline: [8, 16]}", script.OfflineMemory(8, 16)),
    ],
)
def test_read_of_an_act_gives_it_with_its_options(text: str, act: script.Act) -> None:
    """Every act of a picture, with defaults and with all options."""
    assert acts(text) == (act,)


def test_read_of_a_resize_gives_sizes_in_bytes() -> None:
    """What the host and its device do to a guest."""
    text = "{resize: 32MiB, busy: 2, change: {request: 3, to: 128MiB}}"
    assert acts(text, GUEST) == (script.Resize(32 << 20, 2, (3, 128 << 20)),)


def test_area_that_an_act_declares_can_be_used_by_another() -> None:
    """Also by another actor: whether it is there in time is a matter of the schedule."""
    assert acts("[{declare: {Y: [8, 16]}}, {cma_alloc: Y, pages: 8}]")[1] == script.CmaAlloc("Y", 8)


@pytest.mark.parametrize(
    ("line", "accepted"),
    [
        ("  a: {contig: [0, 4]}", "a capital letter"),
        ("  A: {conting: [0, 4]}", "its first key is one of contig, isolate"),
        ("  A: {caller: cma, contig: [0, 4]}", "its first key is one of contig, isolate"),
        ("  A: {}", "its first key is one of contig"),
        ("  A: []", "a list of 1 to"),
        ("  A: contig", "a mapping of at most 64"),
        ("  A: {contig: [0, 4], as: gold}", "one of anon"),
        ("  A: {contig: [0, 4], caller: everybody}", "one of ordinary, memory_offline, cma"),
        ("  A: {contig: [0, 4], order: 1}", "no such key here; known: contig, caller, as, interrupted"),
        ("  A: {contig: [0, 9]}", "an integer from 0 to 8"),
        ("  A: {contig: [4, 4]}", "0 <= start < end <= 8"),
        ("  A: {contig: [0, 4], interrupted: 1}", "one of yes"),
        ("  A: {isolate: [0, 5]}", "whole pageblocks: multiples of 4"),
        ("  A: {undo: [1, 4]}", "whole pageblocks"),
        ("  A: {allocate: butter}", "one of anon"),
        ("  A: {allocate: [anon]}", "one of anon"),
        ("  A: {allocate: anon, order: 3}", "0 to 2 for anon"),
        ("  A: {allocate: anon, order: 16}", "an integer from 0 to 15"),
        ("  A: {allocate: anon, runs: 0}", "an integer from 1 to 8"),
        ("  A: {allocate: anon, at: 8}", "an integer from 0 to 7"),
        ("  A: {allocate: anon, at: 3, order: 1}", "a multiple of 2, for order 1"),
        ("  A: {allocate: anon, at: 3, runs: 2}", "`at` with `order` only"),
        ("  A: {unreserve: highatomic}", "one of unmovable, movable, reclaimable"),
        ("  A: {declare: {X: [0, 4], Y: [4, 8]}}", "one area"),
        ("  A: {cma_alloc: Z, pages: 1}", "one of X"),
        ("  A: {cma_alloc: X}", "has 'pages' as well"),
        ("  A: {cma_alloc: X, pages: 5}", "an integer from 1 to 4"),
        ("  A: {cma_release: X, pages: [0, 8]}", "pages of the area, [0, 4)"),
        ("  A: {offline: [0, 4]}", "whole memory blocks: multiples of 8"),
        ("  A: {resize: 4}", "a start that is a guest"),
    ],
)
def test_read_of_a_wrong_act_names_its_line(line: str, accepted: str) -> None:
    """Unknown acts, options and kinds; ranges outside memory; acts that the start cannot have."""
    assert_refused(replaced(A_LINE, line), A_LINE, accepted)


def test_read_of_an_act_that_guests_have_not_names_its_line() -> None:
    """A guest's pageblocks are its own: what isolates them there is a contiguous allocation."""
    text = f"id: T\ntitle: t\nstart: {GUEST}\nactors:\n  A: {{isolate: [0, 512]}}\nexpect: {{}}\n"
    assert_refused(text, A_LINE, "made for guests")


def test_read_of_too_many_actors_or_acts_refuses() -> None:
    """Limits are those of the format's text."""
    many = (
        "actors: {"
        + ", ".join(f"A{number}: {{free: [0, 4]}}" for number in range(LARGEST_NR_ACTORS + 1))
        + "}"
    )
    text = f'id: T\ntitle: t\nstart: "|....|....|"\n{many}\nexpect: {{}}\n'
    assert_refused(text, 4, f"a mapping of at most {LARGEST_NR_ACTORS}")
    half = "[" + ", ".join(["{free: [0, 4]}"] * (LARGEST_NR_ACTS // 2 + 1)) + "]"
    text = f'id: T\ntitle: t\nstart: "|....|....|"\nactors: {{A: {half}, B: {half}}}\nexpect: {{}}\n'
    assert_refused(text, 4, f"at most {LARGEST_NR_ACTS} acts")
    assert_refused(text.replace(f"A: {half}, B: {half}", ""), 4, "an actor")


def test_read_of_a_schedule_gives_turns() -> None:
    """By sections, to a point, to the end; or every order."""
    actors = (script.Actor("A", ()), script.Actor("B", ()))
    value = parse_document("A A:give-back B*3 A:end", file="f")
    assert read_schedule(value, actors) == (
        Turn("A"),
        Turn("A", "give-back"),
        Turn("B", "", 3),
        Turn("A", "end"),
    )
    assert read_schedule(parse_document("every", file="f"), actors) == "every"
    assert turns_in_order(actors) == (Turn("A", "end"), Turn("B", "end"))


@pytest.mark.parametrize(
    ("schedule", "accepted"),
    [
        ("", f"1 to {LARGEST_NR_TURNS} turns"),
        ("[A, B]", f"1 to {LARGEST_NR_TURNS} turns"),
        ("A " * (LARGEST_NR_TURNS + 1), f"1 to {LARGEST_NR_TURNS} turns"),
        ("A C", "an actor: one of A, B"),
        ("A:isolated", "a point: one of isolate, cut, drain"),
        ("'A:'", "ACTOR:POINT"),
        ("A*", "ACTOR*TIMES"),
        ("A*0", f"1 to {LARGEST_NR_SECTIONS} sections"),
        (f"A*{LARGEST_NR_SECTIONS + 1}", f"1 to {LARGEST_NR_SECTIONS} sections"),
        ("A:isolate*2", "ACTOR:POINT"),
    ],
)
def test_read_of_a_schedule_that_names_nothing_refuses(schedule: str, accepted: str) -> None:
    """A turn names an actor, and a section by its point or by number."""
    assert_refused(replaced(SCHEDULE_LINE, f"schedule: {schedule}"), SCHEDULE_LINE, accepted)


def test_points_are_those_that_acts_come_to() -> None:
    """Every point of an operation, and the end."""
    assert {str(point) for point in Point} | {acting.END} <= set(POINTS)
    assert len(set(POINTS)) == len(POINTS)
