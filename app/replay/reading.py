"""Failure files: from the text of one to what it says, or to an error that names the line.

The format is docs/failure-files.md's.
Kept here: a file that is returned is of a version that this program knows, its guest can be made, and its acts and
expectations are such as there are.
Left out: doing it (app.replay.playing).
"""

from collections.abc import Mapping
from dataclasses import replace

from app.guest.spec import GuestSpec
from app.replay.act_reading import ACTS, read_act, read_fault
from app.replay.script import VERSION, Expected, NamedFault, Replay, Step
from app.replay.spec_reading import read_guest
from app.replay.times import read_time
from app.scenario.reading.document import Value, parse_document

LONGEST_ABOUT = 8000
MOST_FAULTS = 64
MOST_STEPS = 1000
LONGEST_REFUSAL = 1000
CLOCKS = ("manual", "instant")
_VERSION_KEY = "vmemsim_replay"
# Members of the guest that may stand beside it, as they say what happens to it.
_BESIDE_GUEST = ("seed", "cost", "phases")
_TOP_KEYS = (_VERSION_KEY, "about", "guest", *_BESIDE_GUEST, "clock", "faults", "steps", "end")
# What can be compared; where it comes from, app.replay.playing says.
PARTS = (
    "condition",
    "devices",
    "digest",
    "events",
    "event_digest",
    "faults",
    "invariants",
    "meminfo",
    "memory",
    "memory_blocks",
    "outcome",
    "time_us",
)


def read_replay(text: str, *, file: str = "replay") -> Replay:
    """Returns what a file's text says; `file` is how errors call it.

    Raises ScenarioInvalid, for the first thing that is wrong.
    """
    whole = parse_document(text, file=file)
    members = _checked_version(whole)
    spec = _read_spec(whole, members)
    faults = _read_faults(members["faults"]) if "faults" in members else ()
    steps = members["steps"].items(longest=MOST_STEPS) if "steps" in members else []
    return Replay(
        file,
        members["about"].text(longest=LONGEST_ABOUT) if "about" in members else "",
        members["guest"],
        spec,
        "clock" in members and members["clock"].word(CLOCKS) == "instant",
        _read_steps(steps),
        faults,
        read_expected(members["end"], has_act=False) if "end" in members else None,
    )


def _checked_version(whole: Value) -> Mapping[str, Value]:
    """Returns the members of a file that is one, and of a version that can be read."""
    if not isinstance(whole.content, dict) or _VERSION_KEY not in whole.content:
        accepted = f"a failure file, which begins with {_VERSION_KEY}: {VERSION}"
        found = "a file without it" if isinstance(whole.content, dict) else None
        raise whole.refuse(accepted, value=found)
    version = whole.content[_VERSION_KEY]
    if version.content != str(VERSION):
        raise version.refuse(f"version {VERSION}: this program reads no other")
    return whole.mapping(_TOP_KEYS)


def _read_spec(whole: Value, members: Mapping[str, Value]) -> GuestSpec:
    """Reads the guest, and what of it stands beside it."""
    guest = whole.require("guest")
    beside = {key: members[key] for key in _BESIDE_GUEST if key in members}
    own = guest.mapping()
    for key, value in beside.items():
        if key in own:
            raise value.refuse(f"one {key}: the guest has its own already", value=key)
    return read_guest(replace(guest, content={**own, **beside}))


def _read_faults(value: Value) -> tuple[NamedFault, ...]:
    rules = value.mapping(longest=MOST_FAULTS)
    return tuple(read_fault(name, rule) for name, rule in rules.items())


def _read_steps(values: list[Value]) -> tuple[Step, ...]:
    steps: list[Step] = []
    latest_us = 0
    for value in values:
        step = _read_step(value)
        if step.at_us is not None:
            if step.at_us < latest_us:
                raise value.require("at").refuse(f"at or after the step before, {latest_us} us")
            latest_us = step.at_us
        steps.append(step)
    return tuple(steps)


def _read_step(value: Value) -> Step:
    """Reads a moment, at most one act, and what is expected after it."""
    members = value.mapping(("at", *ACTS, "expect"))
    words = [key for key in members if key in ACTS]
    if len(words) > 1:
        accepted = "one act to a step: the second is a step of its own"
        raise members[words[1]].refuse(accepted, value=words[1])
    if not members:
        raise value.refuse(f"a step: at, expect, or one of {', '.join(ACTS)}")
    return Step(
        value.line,
        read_time(members["at"]) if "at" in members else None,
        read_act(words[0], members[words[0]]) if words else None,
        read_expected(members["expect"], has_act=bool(words)) if "expect" in members else None,
    )


def read_expected(value: Value, *, has_act: bool) -> Expected:
    """Returns what is expected at a moment.

    Raises ScenarioInvalid.
    """
    members = dict(value.mapping((*PARTS, *(("refused",) if has_act else ()))))
    refused = members.pop("refused", None)
    if refused is not None:
        refused.text(longest=LONGEST_REFUSAL)
    if "invariants" in members:
        members["invariants"].word(("hold",))
    return Expected(members, refused)
