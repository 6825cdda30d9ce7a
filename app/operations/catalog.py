"""Which kernels and geometries there are to choose from, and what follows from a choice."""

from app.errors import Unknown
from app.guest.catalog import MEANINGS, POLICIES, PRESETS, SWITCH_VALUES, KernelPolicy, parse_policy
from app.guest.quantities import describe_quantities
from app.operations.creating import as_invalid_value
from app.operations.registry import Description

__all__ = ["policies", "policy", "presets", "quantities", "switches"]


def policies() -> list[Description]:
    """Returns every kernel policy that has a name, with all of its switches."""
    return [_describe(policy) for policy in POLICIES.values()]


def switches() -> list[Description]:
    """Returns every switch: what it decides, and the words that a policy may give it."""
    return [
        {"name": name, "values": list(values), "meaning": MEANINGS[name]}
        for name, values in SWITCH_VALUES.items()
    ]


def policy(text: str) -> Description:
    """Returns the policy that `text` describes; its name is the canonical text.

    Raises Unknown, InvalidValue.
    """
    return _describe(parse_policy(text))


def _describe(policy: KernelPolicy) -> Description:
    return {"name": policy.name, "switches": policy.switches()}


def presets() -> list[Description]:
    """Returns every geometry preset."""
    return [
        {
            "name": geometry.name,
            "page_size": geometry.page_size,
            "max_order": geometry.max_order,
            "pageblock_order": geometry.pageblock_order,
            "section_size": geometry.section_size,
            "memory_block_size": geometry.memory_block_size,
        }
        for geometry in PRESETS.values()
    ]


def quantities(preset: str, policy_text: str, block_size: int | None) -> Description:
    """Returns what follows from a preset and a policy for devices with such blocks.

    Raises Unknown for a preset that nobody defined, InvalidValue.
    """
    try:
        return describe_quantities(preset, policy_text, block_size)
    except Unknown as error:
        if error.members["field"] == "preset":
            raise
        raise as_invalid_value(error) from error
