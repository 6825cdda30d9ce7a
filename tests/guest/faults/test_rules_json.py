"""Rules from JSON: what is accepted, what is refused and how it is named, and the way back."""

import pytest

from app.errors import InvalidValue
from app.guest.faults.kinds import KINDS, FaultKind
from app.guest.faults.rule import FaultSpec, Match
from app.guest.faults.rules_json import change_rule, describe_kinds, read_rule, rule_members


def _least(kind: FaultKind) -> dict[str, object]:
    """Returns the shortest rule of a kind."""
    return {"kind": str(kind), **dict.fromkeys(KINDS[kind].required, 2)}


@pytest.mark.parametrize("kind", list(FaultKind))
def test_shortest_rule_of_each_kind_is_read_and_written_back(kind: FaultKind) -> None:
    """A kind alone, with what it requires, is a rule; written out with all its members it is the same rule."""
    spec = read_rule(_least(kind))
    assert spec.kind is kind
    assert read_rule(rule_members(spec)) == spec


def test_rule_with_everything_is_read() -> None:
    """All members of one kind, an address with a unit among them."""
    spec = read_rule(
        {
            "kind": "device_busy",
            "match": {"device": "vm0", "request": "unplug", "start_addr": "4GiB", "end_addr": 5 << 30},
            "probability": 0.5,
            "count": 3,
            "skip": 1,
            "delay_us": 250,
            "seed": 9,
        }
    )
    match = Match(device="vm0", request="unplug", start_addr=4 << 30, end_addr=5 << 30)
    assert spec == FaultSpec(
        kind=FaultKind.DEVICE_BUSY, match=match, probability=0.5, count=3, skip=1, delay_us=250, seed=9
    )


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ([], "body"),
        ({}, "kind"),
        ({"kind": "meteor"}, "kind"),
        ({"kind": "device_busy", "chance": 1}, "chance"),
        ({"kind": "device_busy", "factor": 2}, "factor"),
        ({"kind": "guest_slow"}, "factor"),
        ({"kind": "guest_slow", "factor": 0}, "factor"),
        ({"kind": "guest_slow", "factor": 2, "match": {"device": "vm0"}}, "match"),
        ({"kind": "device_slow", "delay_us": 0}, "delay_us"),
        ({"kind": "device_busy", "delay_us": -1}, "delay_us"),
        ({"kind": "device_busy", "probability": 1.5}, "probability"),
        ({"kind": "device_busy", "probability": True}, "probability"),
        ({"kind": "device_busy", "probability": float("nan")}, "probability"),
        ({"kind": "device_busy", "count": -1}, "count"),
        ({"kind": "device_busy", "count": 1.0}, "count"),
        ({"kind": "device_busy", "skip": 10**10}, "skip"),
        ({"kind": "device_busy", "seed": 2**53}, "seed"),
        ({"kind": "device_busy", "match": "vm0"}, "match"),
        ({"kind": "device_busy", "match": {"level": "chunk"}}, "match.level"),
        ({"kind": "device_busy", "match": {"request": "state"}}, "match.request"),
        ({"kind": "device_busy", "match": {"device": ""}}, "match.device"),
        ({"kind": "device_busy", "match": {"start_addr": "far"}}, "match.start_addr"),
        ({"kind": "device_busy", "match": {"start_addr": 8, "end_addr": 8}}, "match.end_addr"),
        ({"kind": "contig_busy", "match": {"level": "page"}}, "match.level"),
        ({"kind": "migration_fails", "fraction": 0}, "fraction"),
        ({"kind": "guest_hung", "duration_us": 0}, "duration_us"),
        ({"kind": "guest_crash", "reason": ""}, "reason"),
        ({"kind": "guest_crash", "reason": "a\nb"}, "reason"),
        ({"kind": "guest_crash", "count": 1}, "count"),
        ({"kind": "guest_crash", "after_us": 1, "match": {"device": "vm0"}}, "after_us"),
    ],
)
def test_wrong_rule_is_refused_by_the_place_of_the_wrong_value(value: object, field: str) -> None:
    """Each value is named by its path, with what would be accepted; inside a list, the list's place comes first."""
    with pytest.raises(InvalidValue) as caught:
        read_rule(value)
    assert caught.value.members["field"] == field
    assert caught.value.members["accepted"]
    with pytest.raises(InvalidValue) as nested:
        read_rule(value, field="faults[2]")
    place = str(nested.value.members["field"])
    assert place == ("faults[2]" if field == "body" else f"faults[2].{field}")


def test_changed_rule_keeps_what_is_not_said() -> None:
    """Members that are named change, null means the default; a match goes as a whole; the kind stays."""
    spec = read_rule({"kind": "device_busy", "match": {"device": "vm0"}, "count": 3, "skip": 2})
    changed = change_rule(spec, {"skip": 5, "count": None, "match": {"request": "plug"}})
    assert changed == FaultSpec(kind=FaultKind.DEVICE_BUSY, match=Match(request="plug"), skip=5)
    assert change_rule(spec, {"kind": "device_busy"}) == spec
    with pytest.raises(InvalidValue, match="kind is 'device_nack'"):
        change_rule(spec, {"kind": "device_nack"})


def test_table_for_readers_has_every_kind_with_its_members() -> None:
    """Each kind tells its match, its members, their defaults and which of them must be said."""
    rows = {str(row["kind"]): row for row in describe_kinds()}
    assert set(rows) == set(FaultKind)
    slow = rows["guest_slow"]
    assert slow["match"] == []
    members = slow["members"]
    assert isinstance(members, list)
    assert [member["name"] for member in members if member["is_required"]] == ["factor"]
