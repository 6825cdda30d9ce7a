"""A replay as lines for a terminal, as JSON, and as the end of a file that records what was found.

       1.000000 s  resize vm0 to 512 MiB
                   vm0: 256 MiB of 512 MiB, working
     120.000000 s  look
                   line 14: devices.vm0.size is 268435456 (256 MiB); expected 512MiB

Left out: colours (whoever prints the lines gives a tone its colour).
"""

from collections.abc import Iterator, Sequence

from app.replay.matching import Check
from app.replay.playing import END, Digests, Moment
from app.replay.script import Replay
from app.replay.seen_events import event_name
from app.replay.times import format_time
from app.scenario.telling import Line, Tone
from app.trace.sink import Kept
from app.units import format_size

_TIME_WIDTH = 16
_INDENT = " " * (_TIME_WIDTH + 2)


def tell_title(replay: Replay) -> Iterator[Line]:
    """Yields what the file is about."""
    yield Line(replay.file, Tone.HEADING)
    for line in replay.about.splitlines():
        yield Line(f"  {line}", Tone.FAINT)


def tell_moment(moment: Moment, *, is_verbose: bool) -> Iterator[Line]:
    """Yields what was done, what the devices are at, and what is not as expected; is_verbose: everything."""
    if is_verbose:
        yield from map(_tell_event, moment.events)
    yield Line(f"{format_time(moment.at_us):>{_TIME_WIDTH}}  {moment.what}", Tone.HEADING)
    if moment.refused is not None:
        yield Line(f"{_INDENT}line {moment.line}: refused: {moment.refused}", Tone.BAD)
    if moment.what != END:
        for row in moment.devices:
            sizes = f"{format_size(row.size)} of {format_size(row.requested_size)}"
            yield Line(f"{_INDENT}{row.id}: {sizes}, {row.driver}", Tone.FAINT)
    for check in moment.checks:
        if is_verbose or not check.agrees:
            yield _tell_check(check)


def tell_end(moments: Sequence[Moment], digests: Digests) -> Iterator[Line]:
    """Yields how it all ended."""
    checks = [check for moment in moments for check in moment.checks]
    nr_wrong = sum(not check.agrees for check in checks) + sum(
        moment.refused is not None for moment in moments
    )
    yield Line(f"state {digests.state}, events {digests.events}", Tone.FAINT)
    if nr_wrong:
        yield Line(f"not as expected: {nr_wrong} of {len(checks)} expectations and acts", Tone.BAD)
    else:
        yield Line(f"as expected: {len(checks)} expectations", Tone.GOOD)


def describe_replay(replay: Replay, moments: Sequence[Moment], digests: Digests) -> dict[str, object]:
    """Returns everything, JSON-ready."""
    return {
        "file": replay.file,
        "about": replay.about,
        "agrees": all(moment.agrees for moment in moments),
        "digest": digests.state,
        "event_digest": digests.events,
        "moments": [
            {
                "line": moment.line or None,
                "at_us": moment.at_us,
                "what": moment.what,
                "refused": moment.refused,
                "devices": [row._asdict() for row in moment.devices],
                "checks": [{**check._asdict(), "line": check.line or None} for check in moment.checks],
            }
            for moment in moments
        ],
    }


def recorded_end(moments: Sequence[Moment], digests: Digests) -> str:
    """Returns the end of a file that expects what was found, as YAML."""
    lines = ["end:", "  invariants: hold", f"  digest: {digests.state}", f"  event_digest: {digests.events}"]
    if moments[-1].devices:
        lines.append("  devices:")
    lines += [
        f'    "{row.id}": {{size: {row.size}, requested_size: {row.requested_size}}}'
        for row in moments[-1].devices
    ]
    return "\n".join(lines) + "\n"


def _tell_event(row: Kept) -> Line:
    name = event_name(type(row.event))
    members = " ".join(f"{key}={value}" for key, value in row.event._asdict().items())
    return Line(f"{format_time(row.at_ns // 1000):>{_TIME_WIDTH}}    {name} {members}", Tone.FAINT)


def _tell_check(check: Check) -> Line:
    place = f"line {check.line}: " if check.line else ""
    if check.agrees:
        return Line(f"{_INDENT}{place}{check.field}: {check.found}", Tone.GOOD)
    return Line(f"{_INDENT}{place}{check.field} is {check.found}; expected {check.expected}", Tone.BAD)
