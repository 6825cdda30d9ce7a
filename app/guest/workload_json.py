"""Workload steps from JSON: every wrong value is named by its place, `workload[2].fraction`.

Kept here: what a step in JSON may say. A workload is a name, or a list of steps:

    {"do": "fill", "kind": "anon", "fraction": 0.5, "label": "heap"}        or "size": 1073741824
    {"do": "mix", "fraction": 0.3, "parts": [{"kind": "anon", "weight": 8}, {"kind": "slab", "weight": 1}]}
    {"do": "free", "label": "heap", "fraction": 0.4}
    {"do": "pin", "label": "heap", "fraction": 0.001}
    {"do": "churn", "labels": ["heap", "slab"], "fraction": 0.3, "rounds": 5}

fill and mix may name the NUMA node where pages are preferred: "node": 1.
Left out: what the steps do (app.guest.workload, app.guest.populate).
"""

from collections.abc import Mapping, Sequence

from app.errors import InvalidValue
from app.guest.json_members import Member, members_of
from app.guest.page_use import parse_kind
from app.guest.workload import WORKLOADS, Act, Part, WorkloadStep, workload
from app.mm.geometry import HIGHEST_ORDER
from app.mm.node import LARGEST_NR_NUMA_NODES

LARGEST_NR_STEPS = 64
LARGEST_NR_PARTS = 16
LARGEST_NR_ROUNDS = 100
LARGEST_WEIGHT = 1_000_000

_MEMBERS = {
    Act.FILL: {"do", "label", "kind", "order", "size", "fraction", "node"},
    Act.MIX: {"do", "parts", "size", "fraction", "node"},
    Act.FREE: {"do", "label", "fraction", "size"},
    Act.PIN: {"do", "label", "fraction", "size"},
    Act.CHURN: {"do", "labels", "fraction", "rounds"},
}
_PART_MEMBERS = {"kind", "weight", "label", "order"}


def parse_workload(value: object, *, field: str = "workload") -> tuple[WorkloadStep, ...]:
    """Returns the steps that `value` means: None, the name of a ready-made workload, or a list of steps.

    Raises InvalidValue, naming the place of the wrong value, or Unknown for a name.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        return workload(value)
    if not isinstance(value, Sequence) or len(value) > LARGEST_NR_STEPS:
        names = ", ".join(WORKLOADS)
        raise InvalidValue(field, value, f"a list of at most {LARGEST_NR_STEPS} steps, or one of {names}")
    steps = tuple(_parse_step(step, f"{field}[{number}]") for number, step in enumerate(value))
    validate_labels(steps, field=field)
    return steps


def validate_labels(steps: Sequence[WorkloadStep], *, field: str = "workload") -> None:
    """Checks that each step works on an allocation that an earlier one made, and that none is made twice.

    Raises InvalidValue.
    """
    made: set[str] = set()
    for number, step in enumerate(steps):
        place = f"{field}[{number}].label"
        for label in step.labels_made:
            if label in made:
                raise InvalidValue(place, label, "a label that no earlier step made")
            made.add(label)
        for label in step.labels_used:
            if label not in made:
                accepted = f"a label that an earlier step made ({', '.join(sorted(made))})"
                raise InvalidValue(place, label, accepted)


def _parse_step(value: object, field: str) -> WorkloadStep:
    name = value.get("do") if isinstance(value, Mapping) else None
    if name not in tuple(Act):
        raise InvalidValue(f"{field}.do", name, f"one of {', '.join(Act)}")
    act = Act(name)
    members = members_of(value, field, _MEMBERS[act])
    fraction, size = _parse_amount(members, field)
    if act is Act.CHURN:
        rounds = members.get("rounds", Member(1, field)).integer(1, LARGEST_NR_ROUNDS)
        labels = _parse_labels(members.get("labels"), field)
        return WorkloadStep(act=act, fraction=fraction, rounds=rounds, labels=labels)
    numa_node = members.get("node", Member(0, field)).integer(0, LARGEST_NR_NUMA_NODES - 1)
    if act is Act.MIX:
        parts = _parse_parts(members.get("parts"), field)
        return WorkloadStep(act=act, fraction=fraction, size=size, parts=parts, numa_node=numa_node)
    kind = members.get("kind", Member("anon", field))
    label = members.get("label", Member(kind.value if act is Act.FILL else None, f"{field}.label")).label()
    return WorkloadStep(
        act=act,
        label=label,
        fraction=fraction,
        size=size,
        kind=parse_kind(kind.value, field=kind.field),
        order=_parse_order(members),
        numa_node=numa_node,
    )


def _parse_labels(labels: Member | None, field: str) -> tuple[str, ...]:
    value = labels.value if labels else None
    if not isinstance(value, Sequence) or isinstance(value, str) or not 1 <= len(value) <= LARGEST_NR_PARTS:
        raise InvalidValue(f"{field}.labels", value, f"a list of 1 to {LARGEST_NR_PARTS} labels")
    return tuple(Member(label, f"{field}.labels[{number}]").label() for number, label in enumerate(value))


def _parse_order(members: Mapping[str, Member]) -> int | None:
    return members["order"].integer(0, HIGHEST_ORDER) if "order" in members else None


def _parse_amount(members: Mapping[str, Member], field: str) -> tuple[float, int]:
    """Returns (fraction, size): exactly one of them is above 0."""
    if ("fraction" in members) == ("size" in members):
        given = "both" if "size" in members else None
        raise InvalidValue(f"{field}.fraction", given, "fraction or size, one of them")
    if "size" in members:
        return 0.0, members["size"].size()
    return members["fraction"].fraction(), 0


def _parse_parts(parts: Member | None, field: str) -> tuple[Part, ...]:
    value = parts.value if parts else None
    if not isinstance(value, Sequence) or isinstance(value, str) or not 1 <= len(value) <= LARGEST_NR_PARTS:
        raise InvalidValue(f"{field}.parts", value, f"a list of 1 to {LARGEST_NR_PARTS} parts")
    return tuple(_parse_part(part, f"{field}.parts[{number}]") for number, part in enumerate(value))


def _parse_part(value: object, field: str) -> Part:
    members = members_of(value, field, _PART_MEMBERS)
    kind = members.get("kind", Member(None, f"{field}.kind"))
    page_kind = parse_kind(kind.value, field=kind.field)
    return Part(
        kind=page_kind,
        weight=members.get("weight", Member(1, field)).integer(1, LARGEST_WEIGHT),
        label=members.get("label", Member(kind.value, field)).label(),
        order=_parse_order(members),
    )
