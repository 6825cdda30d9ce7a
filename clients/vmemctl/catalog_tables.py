"""Kernel policies, switches, geometries and what follows from them as tables for a terminal.

Nothing here asks the service anything.
"""

from collections.abc import Mapping, Sequence

from rich.table import Table

from clients.catalog_models import Policy, Preset, Quantities, Switch
from clients.sizes import format_size
from clients.vmemctl.tables import plain_table


def policy_table(policies: Sequence[Policy]) -> Table:
    """Shows one line per kernel policy, and the switches in which it differs from the one before."""
    table = plain_table("policy", "what changes")
    before: Mapping[str, object] | None = None
    for policy in policies:
        table.add_row(policy.name, _changes(before, policy.switches))
        before = policy.switches
    return table


def value_table(policies: Sequence[Policy]) -> Table:
    """Shows kernel policies side by side: one line per switch."""
    table = plain_table("switch", *(policy.name for policy in policies))
    for switch in dict.fromkeys(name for policy in policies for name in policy.switches):
        table.add_row(switch, *(_value(policy.switches.get(switch)) for policy in policies))
    return table


def switch_table(switches: Sequence[Switch]) -> Table:
    """Shows one line per switch: what may be written behind its equals sign, and what it decides."""
    table = plain_table("switch", "values", "what it decides")
    for switch in switches:
        table.add_row(switch.name, " ".join(switch.values), switch.meaning)
    return table


def preset_table(presets: Sequence[Preset]) -> Table:
    """Shows one line per geometry."""
    table = plain_table("preset", "*page", "*pageblock", "*largest chunk", "*section", "*memory block")
    for preset in presets:
        table.add_row(
            preset.name,
            format_size(preset.page_size),
            format_size(preset.page_size << preset.pageblock_order),
            format_size(preset.page_size << preset.max_order),
            format_size(preset.section_size),
            format_size(preset.memory_block_size),
        )
    return table


def quantities_table(found: Quantities) -> Table:
    """Shows what follows from a geometry and a policy, one line each."""
    table = plain_table(f"{found.preset}, {found.policy}", "*")
    sizes = {
        "isolated around a contiguous range": found.contig_align,
        "alignment of CMA areas": found.cma_align,
        "alignment of dma-contiguous areas": found.dma_contiguous_align,
        "alignment of fadump areas": found.fadump_align,
        "device block": found.device_block_size,
        "sub-block": found.subblock_size,
        "big block": found.big_block_size,
    }
    table.add_row("mode of the driver", found.mode)
    for name, size in sizes.items():
        table.add_row(name, "-" if size is None else format_size(size))
    table.add_row("largest surely contiguous order", str(found.phys_contig_order))
    return table


def _changes(before: Mapping[str, object] | None, switches: Mapping[str, object]) -> str:
    if before is None:
        return "(the first: `vmemctl policies NAME` shows its switches)"
    changed = [name for name in switches if switches[name] != before.get(name)]
    return ", ".join(f"{name}: {_value(switches[name])}" for name in changed)


def _value(value: object) -> str:
    """Returns a switch's value as a policy's text has it."""
    if isinstance(value, list):
        return ":".join(str(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
