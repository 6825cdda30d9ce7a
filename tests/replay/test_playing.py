"""Files played: those that come with the program agree, the same twice; differences and refusals are found."""

from pathlib import Path

import pytest

from app.errors import ScenarioInvalid
from app.replay.playing import Player
from app.replay.reading import read_replay
from tests.replay.making import play

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_as_expected_and_plays_the_same_twice(path: Path) -> None:
    """Every expectation of every file in examples; and state and events have the same digests again."""
    digests = []
    for _ in range(2):
        player = Player(read_replay(path.read_text(encoding="utf-8"), file=path.name))
        moments = list(player.play())
        wrong = [check for moment in moments for check in moment.checks if not check.agrees]
        assert wrong == []
        assert all(moment.agrees for moment in moments)
        digests.append(player.digests())
    assert digests[0] == digests[1]


def test_examples_are_there_and_say_what_they_are_about() -> None:
    """One for each way in which people meet a failing guest."""
    assert len(EXAMPLES) >= 5
    for path in EXAMPLES:
        assert read_replay(path.read_text(encoding="utf-8")).about, path.name


def test_difference_is_found_with_its_line() -> None:
    """What was expected, what was found, and where it stands; the rest is played all the same."""
    moments = play("steps:\n- at: 1s\n  expect:\n    devices: {vm0: {size: 1GiB}}\n- at: 2s")
    (check,) = moments[1].checks
    assert (check.line, check.field, check.expected, check.agrees) == (
        6,
        "steps[0].expect.devices.vm0.size",
        "1GiB",
        False,
    )
    assert [moment.agrees for moment in moments] == [True, False, True, True]


def test_refused_act_is_a_difference_unless_it_is_expected() -> None:
    """With the words of the refusal; an act that is done although a refusal was expected is one, too."""
    dead = "steps:\n- fault: {name: f, kind: guest_crash, reason: boom}\n- resize: {size: 0}"
    assert play(dead)[2].refused is not None
    assert play(f"{dead}\n  expect: {{refused: boom}}")[2].agrees
    assert not play(f"{dead}\n  expect: {{refused: bang}}")[2].agrees
    done = play("steps:\n- resize: {size: 0}\n  expect: {refused: boom}")[1]
    assert (done.refused, done.checks[0].found) == (None, "it was done")


def test_clock_stands_unless_steps_let_it_pass() -> None:
    """manual: a driver works as time passes; instant: each act runs until drivers rest."""
    steps = "steps:\n- resize: {size: 0}\n"
    assert play(steps)[1].devices[0].size > 0
    assert play(f"clock: instant\n{steps}")[1].devices[0].size == 0


def test_events_belong_to_the_moment_before_which_they_happened() -> None:
    """Each is told once."""
    moments = play("steps:\n- resize: {size: 0}\n- settle: yes\n- at: 5s")
    numbers = [row.id for moment in moments for row in moment.events]
    assert numbers == list(range(1, len(numbers) + 1))
    assert moments[2].events
    assert moments[-1].events == ()


def test_expectation_of_nothing_that_is_described_cannot_be_played() -> None:
    """The file is wrong: the line, and what there is."""
    with pytest.raises(ScenarioInvalid, match=r"test\.yaml, line 4: .*known: vm0"):
        play("steps:\n- expect: {devices: {vm1: {size: 0}}}")


def test_phases_run_from_the_beginning() -> None:
    """A script of phases is played beside the steps."""
    rest = "phases: [{do: grow, label: web, by: 100MiB, seconds: 10}]\nsteps:\n- at: 20s\n"
    rest += "  expect: {events: [{event: pages_allocated, kind: anon}]}"
    assert all(moment.agrees for moment in play(rest))


def test_guest_that_cannot_be_made_is_refused_with_its_line() -> None:
    """What shows only when memory is laid out is told as everything else."""
    text = "vmemsim_replay: 1\nguest:\n  boot_size: 128MiB\n  boot_used: 127MiB"
    with pytest.raises(ScenarioInvalid, match=r"x\.yaml, line 4: boot_used is 133169152"):
        Player(read_replay(text, file="x.yaml"))
