"""A replay told: lines, JSON, and an end that records what was found."""

import json

from app.replay.playing import Player
from app.replay.reading import read_replay
from app.replay.telling import describe_replay, recorded_end, tell_end, tell_moment, tell_title
from tests.replay.making import GUEST, replay_of

WRONG = "about: Why.\nsteps:\n- at: 1s\n  resize: {size: 512MiB}\n- at: 2s\n  expect: {devices: {vm0: {size: 1GiB}}}"


def test_lines_show_time_act_devices_and_differences() -> None:
    """In order; what agrees is shown only when everything is asked for, and so are events."""
    player = Player(replay_of(WRONG))
    moments = list(player.play())
    lines = [line.text for moment in moments for line in tell_moment(moment, is_verbose=False)]
    text = "\n".join([*(line.text for line in tell_title(replay_of(WRONG))), *lines])
    assert text.startswith("test.yaml\n  Why.\n")
    assert "1.000000 s  resize vm0 to 512 MiB" in text
    assert "vm0: 256 MiB of 512 MiB, working" in text
    assert "line 8: steps[1].expect.devices.vm0.size is 536870912 (512 MiB); expected 1GiB" in text
    assert "request_answered" not in text
    verbose = "\n".join(line.text for moment in moments for line in tell_moment(moment, is_verbose=True))
    assert "request_answered device=vm0 request=PLUG" in verbose
    assert "invariants: hold" in verbose
    assert [line.text for line in tell_end(moments, player.digests())][
        1
    ] == "not as expected: 1 of 2 expectations and acts"


def test_json_has_everything_and_says_whether_it_agrees() -> None:
    """One object, with a row for each moment."""
    replay = replay_of(WRONG)
    player = Player(replay)
    moments = list(player.play())
    described = json.loads(json.dumps(describe_replay(replay, moments, player.digests())))
    assert described["agrees"] is False
    assert [moment["what"] for moment in described["moments"]] == [
        "make the guest",
        "resize vm0 to 512 MiB",
        "look",
        "the end",
    ]
    assert described["digest"] == player.digests().state


def test_recorded_end_expects_what_was_found() -> None:
    """The file with this end agrees when it is played again."""
    text = f"vmemsim_replay: 1\n{GUEST}\nsteps:\n- at: 1s\n  resize: {{size: 512MiB}}\n- at: 2s\n"
    player = Player(read_replay(text))
    end = recorded_end(list(player.play()), player.digests())
    again = list(Player(read_replay(text + end)).play())
    assert all(moment.agrees for moment in again)
    assert len(again[-1].checks) == 5
    assert f"digest: {player.digests().state}" in end
