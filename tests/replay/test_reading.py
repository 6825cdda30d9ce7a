"""Whole failure files: versions, keys, times in order, one act to a step; and that any text is read or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ScenarioInvalid
from app.replay.reading import read_replay
from tests.replay.making import GUEST, replay_of


def test_file_with_everything_is_read() -> None:
    """Each part where it belongs, steps in order."""
    replay = replay_of(
        """
about: What went wrong.
seed: 9
clock: instant
faults: {busy: {kind: device_busy, count: 2}}
phases: [{do: hold, seconds: 5}]
steps:
- at: 1s
  resize: {size: 512MiB}
  expect: {outcome: partial}
- expect: {condition: running}
end: {invariants: hold}
"""
    )
    assert (replay.file, replay.about, replay.spec.seed, replay.is_instant) == (
        "test.yaml",
        "What went wrong.",
        9,
        True,
    )
    assert [fault.name for fault in replay.faults] == ["busy"]
    assert replay.spec.phases is not None
    assert [(step.at_us, step.act and step.act.word) for step in replay.steps] == [
        (1_000_000, "resize"),
        (None, None),
    ]
    assert replay.end is not None


def test_json_is_a_failure_file_as_well() -> None:
    """JSON is YAML."""
    text = '{"vmemsim_replay": 1, "guest": {"boot_size": "1GiB"}, "steps": [{"at": "1s", "settle": true}]}'
    assert len(read_replay(text).steps) == 1


@pytest.mark.parametrize(
    ("text", "line", "wrong"),
    [
        ("", 1, "begins with vmemsim_replay: 1"),
        ("- 1", 1, "begins with vmemsim_replay: 1"),
        (GUEST, 1, "begins with vmemsim_replay: 1"),
        (f"vmemsim_replay: 2\n{GUEST}", 1, "version 1: this program reads no other"),
        (f"{GUEST}\nvmemsim_replay: latest", 2, "version 1"),
        ("vmemsim_replay: 1", 1, "'guest'"),
        (f"vmemsim_replay: 1\n{GUEST}\nmood: bad", 3, "no such key here"),
        (f"vmemsim_replay: 1\n{GUEST}\nclock: realtime", 3, "one of manual, instant"),
        ("vmemsim_replay: 1\nguest: {boot_size: 1GiB, seed: 1}\nseed: 2", 3, "one seed"),
        (f"vmemsim_replay: 1\n{GUEST}\nseed: -1", 3, "seed"),
        (f"vmemsim_replay: 1\n{GUEST}\nfaults: {{x: {{kind: rain}}}}", 3, "one of device_busy"),
        (f"vmemsim_replay: 1\n{GUEST}\nphases: [{{do: fly}}]", 3, "phases[0].do"),
        (f"vmemsim_replay: 1\n{GUEST}\nsteps:\n- at: 2s\n- at: 1s", 5, "at or after the step before"),
        (f"vmemsim_replay: 1\n{GUEST}\nsteps:\n- {{}}", 4, "a step"),
        (f"vmemsim_replay: 1\n{GUEST}\nsteps:\n- dance: yes", 4, "no such key here"),
        (f"vmemsim_replay: 1\n{GUEST}\nsteps:\n- settle: yes\n  reboot: kexec", 5, "one act to a step"),
        (f"vmemsim_replay: 1\n{GUEST}\nsteps:\n- expect: {{mood: bad}}", 4, "no such key here"),
        (f"vmemsim_replay: 1\n{GUEST}\nsteps:\n- expect: {{refused: x}}", 4, "no such key here"),
        (f"vmemsim_replay: 1\n{GUEST}\nend: {{invariants: broken}}", 3, "one of hold"),
        (f"vmemsim_replay: 1\n{GUEST}\nsteps: [}}", 3, "YAML"),
    ],
)
def test_wrong_file_is_refused_with_the_line(text: str, line: int, wrong: str) -> None:
    """Another version, unknown keys, bad values: where, and what is accepted."""
    with pytest.raises(ScenarioInvalid) as caught:
        read_replay(text, file="x.yaml")
    assert caught.value.detail.startswith(f"x.yaml, line {line}: "), caught.value.detail
    assert wrong in caught.value.detail


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever stands below a good beginning, it is no defect of the program."""
    line: object = 1
    try:
        replay_of(text)
    except ScenarioInvalid as error:
        line = error.members["line"]
    assert isinstance(line, int)
    assert line >= 1
