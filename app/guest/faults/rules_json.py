"""Fault rules from JSON and to JSON: every wrong value is named by its place, `match.request`.

    {"kind": "device_busy", "match": {"device": "vm0", "request": "unplug"}, "probability": 0.5, "count": 3}
    {"kind": "guest_crash", "after_us": 5000000, "reason": "kernel panic", "reboot_after_us": 30000000}

Kept here: a rule has only the members of its kind.
Left out: whether a rule can match anything on a guest (app.guest.faults.warnings).
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import NamedTuple

from app.errors import InvalidValue
from app.guest.faults.kinds import KINDS, FaultKind
from app.guest.faults.rule import FaultSpec, Match
from app.guest.json_members import Member
from app.mm.policies.switches import Level
from app.virtio_mem.protocol import RequestType

LARGEST_NR = 1_000_000_000
# Thirty days of the guest's clock.
LONGEST_US = 30 * 24 * 3600 * 1_000_000
LONGEST_TEXT = 200
LARGEST_SEED = (1 << 53) - 1
_LARGEST_ADDR = 1 << 60
# A driver at work sends no STATE.
REQUESTS = tuple(kind.name.lower() for kind in RequestType if kind is not RequestType.STATE)
LEVELS = tuple(str(level) for level in Level)
FACTORS = (0.001, 10_000.0)
_Value = str | int | float | None


class MemberRow(NamedTuple):
    """One member of a rule: how it is read, what it means, what is accepted."""

    read: Callable[[object, str], _Value]
    about: str
    accepted: str


def _integer(lowest: int, highest: int) -> Callable[[object, str], int]:
    return lambda value, field: Member(value, field).integer(lowest, highest)


def _number(lowest: float, highest: float) -> Callable[[object, str], float]:
    return lambda value, field: Member(value, field).number(lowest, highest)


def _fraction(value: object, field: str) -> float:
    return Member(value, field).fraction()


def _address(value: object, field: str) -> int:
    return Member(value, field).size(lowest=0, highest=_LARGEST_ADDR)


def _word(known: tuple[str, ...]) -> Callable[[object, str], str]:
    def read(value: object, field: str) -> str:
        if not isinstance(value, str) or value not in known:
            raise InvalidValue(field, value, f"one of {', '.join(known)}")
        return value

    return read


def _text(value: object, field: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT or not value.isprintable():
        raise InvalidValue(field, value, f"1 to {LONGEST_TEXT} printable characters")
    return value


_TIME = f"simulated microseconds, at most {LONGEST_US}"
MATCHES: Mapping[str, MemberRow] = {
    "device": MemberRow(_text, "id of the device", "any text"),
    "request": MemberRow(_word(REQUESTS), "what the driver asks for", ", ".join(REQUESTS)),
    "level": MemberRow(_word(LEVELS), "unit that the driver tries to take", ", ".join(LEVELS)),
    "start_addr": MemberRow(_address, "acts that touch physical memory from here on", "bytes"),
    "end_addr": MemberRow(_address, "acts that touch physical memory below here", "bytes, above start_addr"),
}
MEMBERS: Mapping[str, MemberRow] = {
    "probability": MemberRow(_number(0, 1), "of striking at an opportunity", "0 to 1"),
    "count": MemberRow(_integer(0, LARGEST_NR), "how often it strikes at most", "0 or more; null: no limit"),
    "skip": MemberRow(_integer(0, LARGEST_NR), "opportunities that pass first", "0 or more"),
    "seed": MemberRow(
        _integer(0, LARGEST_SEED), "of the rule's own chance", "null: from the guest's seed and the rule's id"
    ),
    "delay_us": MemberRow(_integer(0, LONGEST_US), "time that a stroke takes", _TIME),
    "after_us": MemberRow(_integer(0, LONGEST_US), "begins so long after the rule is added", _TIME),
    "duration_us": MemberRow(
        _integer(1, LONGEST_US), "how long it lasts", f"{_TIME}; null: until it is removed"
    ),
    "fraction": MemberRow(_fraction, "of the range's movable pages that are held", "above 0, up to 1"),
    "factor": MemberRow(
        _number(*FACTORS), "by which all costs are multiplied", "{:g} to {:g}".format(*FACTORS)
    ),
    "reason": MemberRow(_text, "what the guest dies of", f"at most {LONGEST_TEXT} characters"),
    "reboot_after_us": MemberRow(
        _integer(0, LONGEST_US), "the guest is rebooted so long after its death", f"{_TIME}; null: never"
    ),
}
_DEFAULTS = {member.name: member.default for member in fields(FaultSpec) if member.name in MEMBERS}


def read_rule(value: object, *, field: str = "") -> FaultSpec:
    """Returns what a rule in JSON says; `field` is the place of the rule, "" for a body of its own.

    Raises InvalidValue, naming the place of the wrong value.
    """
    given = _object(value, field or "body")
    kind = _read_kind(given.get("kind"), _place(field, "kind"))
    row = KINDS[kind]
    _require_known(given, members_of_kind(kind), field=field, kind=kind)
    match = _object(given.get("match") or {}, _place(field, "match"))
    _require_known(match, row.match, field=_place(field, "match"), kind=kind)
    members = _read_members(given, MEMBERS, field)
    for name in row.required:
        if not members.get(name):
            raise InvalidValue(_place(field, name), given.get(name), f"{MEMBERS[name].accepted}, above 0")
    spec = FaultSpec(kind=kind, match=_read_match(match, _place(field, "match")), **members)  # type: ignore[arg-type]  # the table reads what each member is
    _require_together(spec, given, field)
    return spec


def members_of_kind(kind: FaultKind) -> tuple[str, ...]:
    """Returns the members that a rule of a kind may have."""
    row = KINDS[kind]
    return ("kind", *(("match",) if row.match else ()), *row.members)


def change_rule(spec: FaultSpec, changes: object) -> FaultSpec:
    """Returns the rule with some members said anew; a match is replaced as a whole, null means the default.

    Raises InvalidValue.
    """
    given = _object(changes, "body")
    if "kind" in given and given["kind"] != spec.kind:
        raise InvalidValue("kind", given["kind"], f"{spec.kind}: a rule stays what it is")
    return read_rule({**rule_members(spec), **given, "kind": str(spec.kind)})


def rule_members(spec: FaultSpec) -> dict[str, object]:
    """Returns a rule as JSON, with all members of its kind."""
    row = KINDS[spec.kind]
    match = {name: getattr(spec.match, name) for name in row.match if getattr(spec.match, name) is not None}
    members: dict[str, object] = {"kind": str(spec.kind)}
    if row.match:
        members["match"] = match
    return members | {name: getattr(spec, name) for name in row.members}


def describe_kinds() -> list[dict[str, object]]:
    """Returns the table of kinds, JSON-ready."""
    return [
        {
            "kind": str(kind),
            "about": row.about,
            "opportunity": row.opportunity or None,
            "match": [
                _describe_member(name, MATCHES[name], required=False, default=None) for name in row.match
            ],
            "members": [
                _describe_member(name, MEMBERS[name], required=name in row.required, default=_DEFAULTS[name])
                for name in row.members
            ],
        }
        for kind, row in KINDS.items()
    ]


def _describe_member(name: str, member: MemberRow, *, required: bool, default: object) -> dict[str, object]:
    return {
        "name": name,
        "about": member.about,
        "accepted": member.accepted,
        "is_required": required,
        "default": None if required else default,
    }


def _place(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name


def _object(value: object, field: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise InvalidValue(field, value, "an object")
    return value


def _read_kind(value: object, field: str) -> FaultKind:
    if not isinstance(value, str) or value not in tuple(FaultKind):
        raise InvalidValue(field, value, f"one of {', '.join(FaultKind)}")
    return FaultKind(value)


def _require_known(
    given: Mapping[str, object], known: tuple[str, ...], *, field: str, kind: FaultKind
) -> None:
    for name in given:
        if name not in known:
            accepted = f"no such member of {kind}; known: {', '.join(known)}"
            raise InvalidValue(_place(field, str(name))[:LONGEST_TEXT], given[name], accepted)


def _read_members(
    given: Mapping[str, object], table: Mapping[str, MemberRow], field: str
) -> dict[str, _Value]:
    """Reads the members that are there and not null."""
    return {
        name: member.read(given[name], _place(field, name))
        for name, member in table.items()
        if given.get(name) is not None
    }


def _read_match(given: Mapping[str, object], field: str) -> Match:
    match = Match(**_read_members(given, MATCHES, field))  # type: ignore[arg-type]  # as in read_rule()
    if match.start_addr is not None and match.end_addr is not None and match.end_addr <= match.start_addr:
        raise InvalidValue(
            _place(field, "end_addr"), match.end_addr, f"above start_addr ({match.start_addr})"
        )
    return match


def _require_together(spec: FaultSpec, given: Mapping[str, object], field: str) -> None:
    """Refuses members that would mean nothing beside the others."""
    if spec.kind not in {FaultKind.GUEST_CRASH, FaultKind.GUEST_HUNG}:
        return
    if spec.waits_for_request and spec.after_us:
        accepted = "0 beside a match: the request that matches is when it begins"
        raise InvalidValue(_place(field, "after_us"), spec.after_us, accepted)
    if not spec.waits_for_request:
        for name in ("probability", "count", "skip"):
            if getattr(spec, name) != _DEFAULTS[name]:
                accepted = "only beside a match: without one it happens once, after after_us"
                raise InvalidValue(_place(field, name), given.get(name), accepted)
