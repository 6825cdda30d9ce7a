"""Scripts of phases from JSON and back: every wrong value is named by its place, `phases[2].seconds`.

Kept here: what a phase in JSON may say. A script is a list of phases, or an object that says how to play them, too:

    {"phases": [...], "repeat": true, "tick_ms": 1000, "seed": 7}

    {"do": "grow", "label": "web", "by": "2GiB", "seconds": 60}        or "to": "4GiB", or "rate": "50MiB" a second
    {"do": "leak", "label": "leaky", "rate": "1MiB", "background": true, "restart": true}
    {"do": "churn", "labels": ["web", "cache"], "fraction": 0.02, "seconds": 600}           of each label, a second
    {"do": "release", "label": "web", "fraction": 0.5, "seconds": 30}  or "size": "1GiB"
    {"do": "hold", "seconds": 60}

Left out: what phases do (app.guest.programs.phases, app.guest.programs.workload_player).
"""

from collections.abc import Collection, Mapping, Sequence

from app.errors import InvalidValue
from app.guest.json_members import Member, members_of
from app.guest.page_use import checked_order, parse_kind
from app.guest.programs.phases import DEFAULT_TICK_NS, MILLION, NS_PER_S, Do, Phase, Script
from app.mm.geometry import HIGHEST_ORDER, Geometry
from app.mm.page import PageKind

LARGEST_NR_PHASES = 64
LARGEST_NR_LABELS = 16
# A year of the guest's time.
LONGEST_SECONDS = 366 * 24 * 3600
SMALLEST_TICK_MS = 100
LARGEST_TICK_MS = 60_000
LARGEST_SEED = (1 << 63) - 1
# Bytes, and bytes a second.
LARGEST_AMOUNT = 1 << 50
_NS_PER_MS = 1_000_000

_SCRIPT_MEMBERS = {"phases", "repeat", "tick_ms", "seed"}
_ENDLESS = {"seconds", "background", "restart"}
_PAGES = {"label", "kind", "order", "rate"}
# What a phase may say that does this.
MEMBERS = {
    Do.GROW: {"do", "by", "to", *_PAGES, *_ENDLESS},
    Do.CHURN: {"do", "labels", "fraction", *_ENDLESS},
    Do.LEAK: {"do", *_PAGES, *_ENDLESS},
    Do.RELEASE: {"do", "label", "fraction", "size", "seconds", "background"},
    Do.HOLD: {"do", "seconds"},
}


def parse_script(value: object, *, field: str = "phases") -> Script:
    """Returns the script that `value` means: a list of phases, or an object that has one.

    field: where it stands, "" for a whole body. Raises InvalidValue, naming the place of the wrong value.
    """
    if not isinstance(value, Mapping):
        return Script(phases=_parse_phases(value, field, repeats=False))
    members = members_of(value, field, _SCRIPT_MEMBERS)
    repeats = "repeat" in members and members["repeat"].truth()
    phases = members.get("phases", Member(None, f"{field}.phases".lstrip(".")))
    tick_ns = DEFAULT_TICK_NS
    if "tick_ms" in members:
        tick_ns = members["tick_ms"].integer(SMALLEST_TICK_MS, LARGEST_TICK_MS) * _NS_PER_MS
    return Script(
        phases=_parse_phases(phases.value, phases.field, repeats=repeats),
        repeats=repeats,
        tick_ns=tick_ns,
        seed=members["seed"].integer(0, LARGEST_SEED) if "seed" in members else None,
    )


def validate_script(
    script: Script, geometry: Geometry, labels: Collection[str], *, field: str = "phases"
) -> None:
    """Checks what depends on the guest: that kinds have their orders, and that labels exist or are made before.

    Raises InvalidValue.
    """
    known = set(labels)
    for number, phase in enumerate(script.phases):
        place = f"{field}[{number}]"
        checked_order(geometry, phase.kind, phase.order, field=f"{place}.order")
        known.update(phase.labels_made)
        for label in phase.labels_used:
            if label not in known:
                names = ", ".join(sorted(known)[:LARGEST_NR_LABELS]) or "there are none yet"
                accepted = f"a label of the guest, or of an earlier phase ({names})"
                raise InvalidValue(f"{place}.label", label, accepted)


def describe_script(script: Script) -> dict[str, object]:
    """Returns a script JSON-ready, as parse_script() reads it."""
    return {
        "phases": [describe_phase(phase) for phase in script.phases],
        "repeat": script.repeats,
        "tick_ms": script.tick_ns // _NS_PER_MS,
        "seed": script.seed,
    }


def describe_phase(phase: Phase) -> dict[str, object]:
    """Returns a phase JSON-ready; what does not apply is left out."""
    has_kind = phase.do in {Do.GROW, Do.LEAK}
    fraction = phase.millionths / MILLION if phase.millionths else None
    members = {
        "do": str(phase.do),
        "label": phase.labels[0] if phase.labels and phase.do is not Do.CHURN else None,
        "labels": list(phase.labels) if phase.do is Do.CHURN else None,
        "kind": phase.kind.api_name if has_kind else None,
        "order": phase.order,
        "size" if phase.do is Do.RELEASE else "by": phase.by,
        "to": phase.to,
        "fraction": fraction,
        "rate": phase.rate,
        "seconds": None if phase.duration_ns is None else phase.duration_ns / NS_PER_S,
        "background": phase.is_background or None,
        "restart": phase.restarts or None,
    }
    return {name: value for name, value in members.items() if value is not None}


def _parse_phases(value: object, field: str, *, repeats: bool) -> tuple[Phase, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not 1 <= len(value) <= LARGEST_NR_PHASES:
        shown = (
            f"{len(value)} phases" if isinstance(value, Sequence) and not isinstance(value, str) else value
        )
        raise InvalidValue(field, shown, f"a list of 1 to {LARGEST_NR_PHASES} phases")
    phases = tuple(_parse_phase(phase, f"{field}[{number}]") for number, phase in enumerate(value))
    for number, phase in enumerate(phases):
        is_last = number == len(phases) - 1 and not repeats
        if phase.is_endless and not phase.is_background and not is_last:
            accepted = "a time, or background: true: the phases after this one would never begin"
            raise InvalidValue(f"{field}[{number}].seconds", None, accepted)
    if repeats and all(phase.is_background for phase in phases):
        raise InvalidValue(
            f"{field}[0].background", value=True, accepted="false: a script that repeats waits for one"
        )
    return phases


def _parse_phase(value: object, field: str) -> Phase:
    name = value.get("do") if isinstance(value, Mapping) else None
    if name not in tuple(Do):
        raise InvalidValue(f"{field}.do", name, f"one of {', '.join(Do)}")
    do = Do(name)
    members = members_of(value, field, MEMBERS[do])
    kind, order = _parse_kind(members)
    by, to, millionths = _parse_amount(do, members, field)
    return Phase(
        do=do,
        labels=_parse_labels(do, members, field),
        kind=kind,
        order=order,
        by=by,
        to=to,
        millionths=millionths,
        rate=_parse_rate(do, members, field),
        duration_ns=_parse_duration(do, members, field),
        is_background="background" in members and members["background"].truth(),
        restarts="restart" in members and members["restart"].truth(),
    )


def _parse_kind(members: Mapping[str, Member]) -> tuple[PageKind, int | None]:
    order = members["order"].integer(0, HIGHEST_ORDER) if "order" in members else None
    if "kind" not in members:
        return PageKind.ANON, order
    return parse_kind(members["kind"].value, field=members["kind"].field), order


def _parse_labels(do: Do, members: Mapping[str, Member], field: str) -> tuple[str, ...]:
    if do is Do.HOLD:
        return ()
    if do is not Do.CHURN:
        return (members.get("label", Member(None, f"{field}.label")).label(),)
    value = members["labels"].value if "labels" in members else None
    if not isinstance(value, Sequence) or isinstance(value, str) or not 1 <= len(value) <= LARGEST_NR_LABELS:
        raise InvalidValue(f"{field}.labels", value, f"a list of 1 to {LARGEST_NR_LABELS} labels")
    labels = [Member(label, f"{field}.labels[{number}]").label() for number, label in enumerate(value)]
    return tuple(dict.fromkeys(labels))


def _parse_amount(do: Do, members: Mapping[str, Member], field: str) -> tuple[int | None, int | None, int]:
    """Returns (by, to, millionths): one of them for what has an amount."""
    if do in {Do.LEAK, Do.HOLD}:
        return None, None, 0
    if do is Do.CHURN:
        share = members.get("fraction", Member(None, f"{field}.fraction"))
        return None, None, _millionths(share)
    names = ("by", "to") if do is Do.GROW else ("size", "fraction")
    given = [name for name in names if name in members]
    if len(given) != 1:
        raise InvalidValue(
            f"{field}.{names[0]}", "both" if given else None, f"{' or '.join(names)}, one of them"
        )
    member = members[given[0]]
    if given[0] == "fraction":
        return None, None, _millionths(member)
    size = member.size(highest=LARGEST_AMOUNT)
    return (None, size, 0) if given[0] == "to" else (size, None, 0)


def _millionths(share: Member) -> int:
    return max(1, round(share.fraction() * MILLION))


def _parse_rate(do: Do, members: Mapping[str, Member], field: str) -> int | None:
    if do is Do.LEAK or "rate" in members:
        return members.get("rate", Member(None, f"{field}.rate")).size(highest=LARGEST_AMOUNT)
    return None


def _parse_duration(do: Do, members: Mapping[str, Member], field: str) -> int | None:
    if do is Do.GROW and ("rate" in members) == ("seconds" in members):
        given = "both" if "rate" in members else None
        raise InvalidValue(f"{field}.seconds", given, "seconds or rate, one of them")
    if "seconds" not in members:
        if do is Do.HOLD:
            raise InvalidValue(f"{field}.seconds", None, f"a number from 0 to {LONGEST_SECONDS}")
        return 0 if do is Do.RELEASE else None
    return round(members["seconds"].number(0, LONGEST_SECONDS) * NS_PER_S)
