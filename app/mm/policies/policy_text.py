"""Policies as text: a preset's name, and after a plus sign the switches that differ from it.

    linux-5.15
    linux-5.15+allow_unsafe=yes,cma_align=pageblock
    linux-6.6+fallback=memory_block:chunk:pageblock

Kept here: every policy has one canonical text, and parsing the text gives the policy back.
Left out: what the switches mean (app.mm.policies.switches), which go together (app.mm.policies.policy).
"""

from dataclasses import fields, replace
from enum import StrEnum

from app.errors import InvalidValue, Unknown
from app.mm.policies.policy import LARGEST_NR_ATTEMPTS, KernelPolicy, policy, word
from app.mm.policies.switches import FALLBACKS

_ALSO = {"true": "yes", "false": "no"}


def _values_of(switch_type: object) -> dict[str, object]:
    """Returns the values of one type of switch by the word that is written for each."""
    if isinstance(switch_type, type) and issubclass(switch_type, StrEnum):
        values: tuple[object, ...] = tuple(switch_type)
    elif switch_type is bool:
        values = (False, True)
    elif switch_type is int:
        values = tuple(range(1, LARGEST_NR_ATTEMPTS + 1))
    else:
        values = FALLBACKS
    return {word(value): value for value in values}


# switch -> word -> value, in the order of 12.1. Every switch has a finite number of values.
SWITCH_VALUES: dict[str, dict[str, object]] = {
    field.name: _values_of(field.type) for field in fields(KernelPolicy) if field.name != "name"
}


def parse_policy(text: str) -> KernelPolicy:
    """Returns the policy that `text` describes; its name is the canonical text.

    A blank stands for the plus sign, because a query string turns one into the other.
    Raises Unknown for a preset or switch that nobody defined, InvalidValue for a value that a switch cannot have
    and for switches that do not go together.
    """
    name, plus, changes = text.replace(" ", "+").partition("+")
    preset = policy(name)
    if not plus:
        return preset
    chosen: dict[str, object] = {}
    for change in changes.split(","):
        switch, value = _parse_change(change)
        if switch in chosen:
            raise InvalidValue(f"policy.{switch}", change.partition("=")[2], "one value, not several")
        chosen[switch] = value
    changed = replace(preset, **chosen)  # type: ignore[arg-type]  # the words are those of each switch
    changed.validate()
    return replace(changed, name=format_policy(changed))


def _parse_change(change: str) -> tuple[str, object]:
    switch, equals, said = change.partition("=")
    if not equals:
        raise InvalidValue("policy", change, "PRESET+SWITCH=VALUE,SWITCH=VALUE")
    if switch not in SWITCH_VALUES:
        raise Unknown("policy switch", switch, SWITCH_VALUES)
    values = SWITCH_VALUES[switch]
    if _ALSO.get(said) in values:
        said = _ALSO[said]
    if said not in values:
        raise InvalidValue(f"policy.{switch}", said, ", ".join(values))
    return switch, values[said]


def format_policy(of: KernelPolicy) -> str:
    """Returns the canonical text of a policy: the preset that it is named after, and what differs, by name."""
    name = of.name.partition("+")[0]
    preset = policy(name)
    differing = [
        f"{switch}={word(getattr(of, switch))}"
        for switch in sorted(SWITCH_VALUES)
        if getattr(of, switch) != getattr(preset, switch)
    ]
    return f"{name}+{','.join(differing)}" if differing else name
