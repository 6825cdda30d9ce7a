"""Operations section by section: where they can be overtaken, and that run to their end they do what the bulk does."""

import pytest

from app.mm.contig import alloc_contig_range, contig_sections
from app.mm.isolation import (
    isolate_sections,
    start_isolate_page_range,
    undo_isolate_page_range,
    undo_sections,
)
from app.mm.outcome import Caller
from app.mm.page import PageKind
from app.mm.policies.policy import POLICIES
from app.mm.sections import Point, Section, Sections, run
from tests.model.observed import observe
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

ALL = pytest.mark.parametrize("name", sorted(POLICIES))
PICTURES = pytest.mark.parametrize(
    "picture",
    [
        "|....|....|....|....|",
        "|M.f.|.PM.|....|....|",
        "|G---|----|....|....|",
        "|K---|----|....|....|",
        "|MMMM|MMMM|UUUU|MMMM|",
    ],
)
RANGES = pytest.mark.parametrize("wanted", [(4, 8), (0, 4), (2, 7), (0, 8)])


def points(sections: Sections[object]) -> list[str]:
    """Returns what an operation says on its way."""
    return [str(section.point) for section in sections]


def count_to(last: int) -> Sections[int]:
    """Says one section for each number, and returns the last one."""
    for number in range(last):
        yield Section(Point.TAKE, number)
    return last


def test_run_goes_to_the_end_and_returns_the_result() -> None:
    """Nothing that is yielded on the way counts."""
    assert run(count_to(3)) == 3


@ALL
@PICTURES
@RANGES
def test_contig_by_sections_equals_contig_in_bulk(name: str, picture: str, wanted: tuple[int, int]) -> None:
    """The outcome, every page, list and counter; taken as single pages and as tiles."""
    for kind in (PageKind.UNMOVABLE, PageKind.OFFLINE):
        bulk, stepped = (parse(picture, Style(name)) for _ in range(2))
        outcome = alloc_contig_range(bulk, *wanted, kind=kind, owner=99)
        assert run(contig_sections(stepped, *wanted, kind=kind, owner=99)) == outcome
        assert observe(stepped) == observe(bulk)


@ALL
@PICTURES
def test_isolation_by_sections_equals_isolation_in_bulk(name: str, picture: str) -> None:
    """And so does its undo."""
    bulk, stepped = (parse(picture, Style(name)) for _ in range(2))
    found = start_isolate_page_range(bulk, 4, 12, Caller.ORDINARY)
    assert run(isolate_sections(stepped, 4, 12, Caller.ORDINARY)) == found
    assert observe(stepped) == observe(bulk)
    undo_isolate_page_range(bulk, 4, 12, Caller.ORDINARY)
    run(undo_sections(stepped, 4, 12, Caller.ORDINARY))
    assert observe(stepped) == observe(bulk)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("linux-5.15", ["isolate", "isolate", "drain", "take", "give-back", "undo", "undo"]),
        ("linux-5.19", ["cut", "isolate", "drain", "take", "undo"]),
        ("linux-6.10", ["isolate", "drain", "take", "undo"]),
    ],
)
def test_points_of_taking_half_a_free_chunk(name: str, said: list[str]) -> None:
    """I-13: up to 6.9 the free page over the edge is cut in a section of its own (p2)."""
    node = parse("|....|....|", Style(name))
    assert points(contig_sections(node, 4, 8, kind=PageKind.UNMOVABLE, owner=99)) == said


def test_every_page_that_moves_is_a_point() -> None:
    """p4, and clean page cache is dropped for a whole batch."""
    node = parse("|MfM.|....|", Style("linux-5.19"))
    said = points(contig_sections(node, 0, 4, kind=PageKind.UNMOVABLE, owner=99))
    assert said == ["isolate", "drain", "migrate", "migrate", "migrate", "take", "undo"]


def test_fatal_signal_gives_the_range_up() -> None:
    """EINTR, and nothing was moved."""
    node = parse("|MM..|....|", Style("linux-5.19"))
    before = observe(node)
    outcome = run(contig_sections(node, 0, 4, kind=PageKind.UNMOVABLE, owner=99, is_interrupted=True))
    assert (str(outcome.result), outcome.step, outcome.nr_migrated) == ("EINTR", "migrate", 0)
    assert observe(node).runs == before.runs
