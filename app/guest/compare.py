"""Comparing kernels: one guest, forked for each policy and fallback, and one request to every fork.

                ┌─fork──▶ linux-5.15, memory_block ▶ chunk       ──resize──▶ outcome, broken invariants
    start ──────┼─fork──▶ linux-5.19, memory_block ▶ pageblock   ──resize──▶ ...
                └─fork──▶ remedy-full: refused, its sub-block cannot hold what is plugged

Kept here: the start does not change; a row that cannot be run says why, and the others run.
Left out: where the start comes from, threads (app.operations.comparing), pictures (app.api.compare_png).
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.errors import InvalidValue, StateError, Unknown, at_place
from app.guest.guest import Description, Guest
from app.mm.checks.laws import Sign
from app.mm.checks.violation import Breach, weigh
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.policy_text import parse_policy
from app.mm.policies.switches import Level
from app.virtio_mem.driver.fallback import parse_fallback

# The labels of the thread (semantics 0.2).
DEFAULT_POLICIES = (
    "no-guard",
    "linux-5.15",
    "rfc-v1",
    "linux-5.19",
    "linux-6.10",
    "linux-6.17",
    "remedy-full",
)
MOST_ROWS = 64


class Target(NamedTuple):
    """What every fork is asked for: a device and its new requested size, in bytes."""

    device_id: str
    requested_size: int


class Variant(NamedTuple):
    """One row: a kernel, and the levels of its driver's fallback."""

    policy: KernelPolicy
    fallback: tuple[str, ...]


def plan_variants(policies: Sequence[str], fallbacks: Sequence[Sequence[str]]) -> list[Variant]:
    """Returns every policy, each with every fallback; without fallbacks, each with its own.

    Raises InvalidValue, naming the place, also when there would be more than MOST_ROWS.
    """
    nr_rows = len(policies) * max(len(fallbacks), 1)
    if not 0 < nr_rows <= MOST_ROWS:
        accepted = f"1 to {MOST_ROWS} rows: each policy with each fallback"
        raise InvalidValue("policies", f"{nr_rows} rows", accepted, limit=MOST_ROWS)
    levels = [_parse_levels(names, f"fallbacks[{number}]") for number, names in enumerate(fallbacks)]
    kernels = [_parse_policy(text, f"policies[{number}]") for number, text in enumerate(policies)]
    return [
        Variant(kernel, tuple(map(str, chosen)))
        for kernel in kernels
        for chosen in levels or [kernel.fallback]
    ]


def find_target(
    start: Guest, device_id: str | None, *, requested_size: int | None, unplug: int | None
) -> Target:
    """Returns what every fork is asked for: a target, or one that is `unplug` bytes below the present one.

    device_id: None for the guest's only device. Raises Unknown, InvalidValue.
    """
    if device_id is None:
        device_id = _only_device(start)
    if unplug is not None:
        return Target(device_id, start.target_below(device_id, unplug))
    assert requested_size is not None, "either a target or an amount"
    start.validate_target(device_id, requested_size)
    return Target(device_id, requested_size)


def compare(start: Guest, target: Target, variants: Sequence[Variant]) -> list[Description]:
    """Returns a row for each variant, JSON-ready."""
    return [run_variant(start, target, variant) for variant in variants]


def run_variant(start: Guest, target: Target, variant: Variant) -> Description:
    """Returns what becomes of the request under one policy and fallback.

    outcome: None when the start cannot be forked so, and `refusal` says why.
    """
    row: Description = {
        "case": None,
        "policy": variant.policy.name,
        "fallback": list(variant.fallback),
        "played": None,
        "broken_meanwhile": [],
    }
    try:
        guest = start.fork(policy=variant.policy, fallback=variant.fallback)
    except (StateError, InvalidValue) as error:
        return row | {"refusal": error.detail, "outcome": None, "broken": []}
    outcome = guest.resize(target.device_id, target.requested_size)
    # A kernel may have no use for a level that was asked for.
    row["fallback"] = list(_tallies(outcome))
    broken = [*guest.verify(), *_types_lost(guest, outcome)]
    return row | {"refusal": None, "outcome": outcome, "broken": group_violations(broken)}


def _tallies(outcome: Description) -> Description:
    tallies = outcome["by_level"]
    assert isinstance(tallies, dict)
    return tallies


def _types_lost(guest: Guest, outcome: Description) -> list[Description]:
    """Returns what an outcome lost as violations of INV-14."""
    counts = outcome["types_lost"]
    assert isinstance(counts, dict)
    breaches = []
    for types, count in counts.items():
        old, _, new = types.partition("->")
        breaches.append(Breach("INV-14", f"{count} pageblocks", old, new, Sign.TYPE_LOST))
    return [dict(violation._asdict()) for violation in weigh(guest.node, breaches)]


def group_violations(violations: Sequence[Description]) -> list[Description]:
    """Returns the broken invariants by id and weight: how often, and the first place in words."""
    groups: dict[tuple[object, object], Description] = {}
    for violation in violations:
        group = groups.setdefault((violation["id"], violation["weight"]), {**violation, "count": 0})
        group["count"] = int(str(group["count"])) + 1
    return list(groups.values())


def _only_device(start: Guest) -> str:
    devices = start.describe()["devices"]
    assert isinstance(devices, list)
    ids = [str(device["id"]) for device in devices]
    if len(ids) != 1:
        raise InvalidValue("device", None, f"one of {', '.join(ids) or 'none: the guest has no device'}")
    return ids[0]


def _parse_levels(names: Sequence[str], place: str) -> tuple[Level, ...]:
    try:
        return parse_fallback(names)
    except InvalidValue as error:
        raise InvalidValue(place, list(names), str(error.members["accepted"])) from None


def _parse_policy(text: str, place: str) -> KernelPolicy:
    try:
        return parse_policy(text)
    except Unknown as error:
        known = error.members["known"]
        assert isinstance(known, list)
        raise InvalidValue(place, text, f"a known {error.members['field']}: {', '.join(known)}") from None
    except InvalidValue as error:
        raise at_place(error, place) from None
