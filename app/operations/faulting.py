"""A guest's fault rules: added, listed, shown, changed and removed while it runs.

Left out: what the rules do (app.guest.faults).
"""

from app.guest.faults.kinds import FaultKind
from app.guest.faults.rules_json import (
    LARGEST_NR,
    LARGEST_SEED,
    LEVELS,
    LONGEST_TEXT,
    LONGEST_US,
    REQUESTS,
    change_rule,
    describe_kinds,
    members_of_kind,
    read_rule,
)
from app.guest.guest import Guest
from app.operations import estimates
from app.operations.registry import Description
from app.operations.service import Service

__all__ = [
    "LARGEST_NR",
    "LARGEST_SEED",
    "LEVELS",
    "LONGEST_TEXT",
    "LONGEST_US",
    "REQUESTS",
    "FaultKind",
    "add",
    "change",
    "describe_kinds",
    "members_of_kind",
    "remove",
    "show",
    "show_all",
]

# A rule is a few numbers; what it begins is done by whoever lets time pass.
_COST_US = 100


async def add(service: Service, name: str, rule: object) -> Description:
    """Adds the rule that `rule` says, JSON as a caller wrote it, and returns it.

    Raises Unknown, InvalidValue, CapacityError; then there is no new rule.
    """
    spec = read_rule(rule)
    return await service.registry.change(
        name, lambda guest: guest.faults.add(spec), estimate_us=lambda _: _COST_US
    )


async def show_all(service: Service, name: str) -> list[Description]:
    """Returns the guest's rules, by number.

    Raises Unknown.
    """
    return await service.registry.read(
        name, lambda guest: guest.faults.describe_all(), estimate_us=estimates.walk_us
    )


async def show(service: Service, name: str, number: int) -> Description:
    """Returns one rule.

    Raises Unknown.
    """

    def call(guest: Guest) -> Description:
        return guest.faults.describe(guest.faults.get(number))

    return await service.registry.read(name, call, estimate_us=lambda _: _COST_US)


async def change(service: Service, name: str, number: int, changes: object) -> Description:
    """Lets a rule say something else, as far as `changes` does, and returns it.

    Raises Unknown, InvalidValue; then the rule is as it was.
    """

    def call(guest: Guest) -> Description:
        spec = change_rule(guest.faults.get(number).spec, changes)
        return guest.faults.change(number, spec)

    return await service.registry.change(name, call, estimate_us=lambda _: _COST_US)


async def remove(service: Service, name: str, number: int) -> None:
    """Takes a rule away; what it had begun is over.

    Raises Unknown.
    """
    await service.registry.change(
        name, lambda guest: guest.faults.remove(number), estimate_us=lambda _: _COST_US
    )
