"""What is seen of a stage: memory, counters, broken laws, and what the actors have come to."""

import pytest

from app.scenario import sight as sight_module
from app.scenario.script import Contig, Isolate, PictureStart, Resize
from app.scenario.sight import Onlooker
from tests.scenario.plays import GUEST, ONE_PAGE, make_play


def test_moment_has_memory_counters_and_results() -> None:
    """Pages, types, lists and counters of the zone; the actors by name."""
    play = make_play("|M...|....|", ONE_PAGE, Contig(4, 8))
    play.advance("A")
    moment = Onlooker().look(play)
    sight = moment.sight
    assert (sight.pages, sight.types, sight.lists) == ("|MM..|....|", "MM", ("1@2 MOVABLE", "2@4 MOVABLE"))
    assert (sight.nr_free, sight.nr_free_cma) == (6, 0)
    assert (moment.results, moment.pfns) == ({"A": "OK", "B": "-"}, {"A": 1})
    assert (moment.nr_migrated, moment.types_lost, moment.findings) == (0, (), ())


@pytest.mark.parametrize(("policy", "count"), [("linux-6.6", None), ("linux-6.10", 4)])
def test_free_highatomic_pages_are_counted_where_the_kernel_does(policy: str, count: int | None) -> None:
    """B-8: from 6.10 on; before, there is no number to show."""
    play = make_play(PictureStart("|....|....|", types="HM"), ONE_PAGE, policy=policy)
    assert Onlooker().look(play).sight.nr_free_highatomic == count


def test_findings_are_the_broken_laws_once_each_in_their_order() -> None:
    """S04: while rfc-v1 holds half a chunk isolated, several laws are broken."""
    play = make_play("|....|....|", Isolate(4, 8), policy="rfc-v1")
    play.advance("A")
    findings = Onlooker().look(play).findings
    assert findings == tuple(sorted(findings, key=lambda law: int(law.removeprefix("INV-"))))
    assert {"INV-8", "INV-10"} <= set(findings)


def test_lost_type_is_a_finding() -> None:
    """INV-14 is seen from what operations report."""
    play = make_play(PictureStart("|....|....|", types="RM"), Contig(0, 4))
    while not play.players["A"].has_ended:
        play.advance("A")
    assert Onlooker().look(play).findings == ("INV-14",)


def test_equal_memory_is_looked_at_once() -> None:
    """Another play of the same start gives the very same sight."""
    onlooker = Onlooker()
    plays = [make_play("|M...|....|", ONE_PAGE) for _ in range(2)]
    first, second = (onlooker.look(play).sight for play in plays)
    assert first is second
    plays[0].advance("A")
    assert onlooker.look(plays[0]).sight.pages == "|MM..|....|"


def test_guest_is_seen_by_pageblocks_and_checked_as_a_whole() -> None:
    """A device that is not what its driver believes is a broken law."""
    play = make_play(GUEST, ONE_PAGE)
    moment = Onlooker().look(play)
    assert moment.sight.pages == f"|{'.' * 64}|"
    assert (moment.sight.lists, moment.findings) == ((), ())
    play.stage.device.plugged_size -= 4096  # type: ignore[attr-defined]  # a guest's stage
    assert "INV-17" in Onlooker().look(play).findings


def test_values_are_those_of_the_last_reports() -> None:
    """Nothing is told before there is a report."""
    play = make_play(GUEST, Resize(0))
    assert Onlooker().look(play).values == {}
    play.advance("A")
    assert Onlooker().look(play).values["size"] == 0


def test_onlooker_forgets_before_it_remembers_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at again after that is seen all the same."""
    monkeypatch.setattr(sight_module, "_MOST_REMEMBERED", 1)
    play, onlooker = make_play("|....|....|", ONE_PAGE), Onlooker()
    before = onlooker.look(play).sight
    play.advance("A")
    assert onlooker.look(play).sight != before
    again = onlooker.look(make_play("|....|....|", ONE_PAGE)).sight
    assert again == before
    assert again is not before
