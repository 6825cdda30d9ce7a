"""Guests, devices, memory blocks and outcomes as tables for a terminal.

Nothing here asks the service anything.
Left out: the map (clients.vmemctl.memory_map) and problems (clients.vmemctl.complaints).
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from clients.models import (
    CmaArea,
    Device,
    Guest,
    MemoryBlock,
    MemoryBlocks,
    Outcome,
    Verification,
)
from clients.sizes import format_size, round_size
from clients.vmemctl.obstacles import obstacle_table

_BAR_CELLS = 20
_SHOWN_PIECES = 4
_TIME_UNITS = {"s": 1_000_000, "ms": 1000}  # in microseconds, longest first
_STATE_STYLES = {"done": "bold green", "partial": "bold yellow"}


def guest_table(guests: Sequence[Guest]) -> RenderableType:
    """Shows one line per guest."""
    if not guests:
        return "no guests; `vmemctl create` makes one"
    table = plain_table("guest", "source", "policy", "fallback", "*memory", "*free", "*requested", "*plugged")
    for guest in guests:
        table.add_row(
            guest.name,
            guest.preset or guest.source,
            guest.policy,
            ",".join(guest.fallback),
            round_size(guest.memory.total),
            round_size(guest.memory.free),
            round_size(sum(device.requested_size for device in guest.devices)),
            round_size(sum(device.size for device in guest.devices)),
        )
    return table


def guest_details(guest: Guest) -> RenderableType:
    """Shows all that is known of a guest."""
    facts = {
        "guest": guest.name,
        "source": guest.source,
        "preset": guest.preset,
        "policy": guest.policy,
        "fallback": ",".join(guest.fallback) or None,
        "online": guest.online,
        "seed": guest.seed,
        "boot memory": None if guest.boot_size is None else format_size(guest.boot_size),
        "memory": f"{round_size(guest.memory.total)}, {round_size(guest.memory.free)} free",
        "simulated time": format_us(guest.simulated_us),
        "condition": _condition(guest),
    }
    parts: list[RenderableType] = [fact_table(facts), zone_table(guest), device_table(guest.devices)]
    if guest.cma_areas:
        parts.append(cma_area_table(guest.cma_areas))
    if guest.allocations:
        parts.append(allocation_table(guest))
    return Group(*parts)


def _condition(guest: Guest) -> str | None:
    """Returns how a guest is, unless it simply runs."""
    found = guest.condition
    if found is None or found.state == "running":
        return None
    return f"{found.state} ({found.reason})" if found.reason else found.state


def fact_table(facts: Mapping[str, object]) -> Table:
    """Shows names and values in two columns; None is left out."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    for name, value in facts.items():
        if value is not None:
            table.add_row(name, str(value))
    return table


def _on_node(name: str, node: int) -> str:
    """Names something of a NUMA node; node 0 is what most guests have alone."""
    return f"{name}, node {node}" if node else name


def zone_table(guest: Guest) -> Table:
    """Shows one line per zone."""
    table = plain_table("zone", "*spanned", "*present", "*managed", "*free", "*min", "*low", "*high")
    for zone in guest.zones:
        sizes = (zone.spanned, zone.present, zone.managed, zone.free, zone.min, zone.low, zone.high)
        table.add_row(_on_node(zone.name, zone.node), *map(round_size, sizes))
    return table


def device_table(devices: Iterable[Device], *, guest: str | None = None) -> Table:
    """Shows one line per device; `guest` is put before each, where several guests are shown."""
    table = device_columns(with_guest=guest is not None)
    for device in devices:
        add_device(table, device, guest=guest)
    return table


def device_columns(*, with_guest: bool) -> Table:
    """Returns an empty table of devices."""
    names = (
        "device",
        "*requested",
        "*plugged",
        "of its region",
        "*region",
        "*block",
        "driver",
        "memory blocks",
    )
    return plain_table(*(("guest", *names) if with_guest else names))


def add_device(table: Table, device: Device, *, guest: str | None = None) -> None:
    """Adds one device's line to a table made by device_columns."""
    blocks = ", ".join(f"{count} {state}" for state, count in device.blocks.items() if count)
    table.add_row(
        *(() if guest is None else (guest,)),
        _on_node(device.id, device.node),
        format_size(device.requested_size),
        Text(format_size(device.size), style="" if device.size == device.requested_size else "yellow"),
        fill_bar(device.size, device.region_size),
        format_size(device.region_size),
        format_size(device.block_size),
        driver_state(device),
        blocks or "-",
    )


def driver_state(device: Device) -> str:
    """Returns the driver's state, with the time until it tries again."""
    if device.driver is None:
        return "-"
    retry_ms = device.driver.retry_ms
    return f"{device.driver.state} {retry_ms / 1000:g} s" if retry_ms else device.driver.state


def fill_bar(part: int, whole: int) -> Text:
    """Shows `part` of `whole` as a bar of fixed width; anything above nothing is seen."""
    filled = 0 if whole <= 0 else min(_BAR_CELLS, -(-part * _BAR_CELLS // whole))
    return Text("█" * filled, style="cyan") + Text("░" * (_BAR_CELLS - filled), style="dim")


def allocation_table(guest: Guest) -> Table:
    """Shows one line per allocation."""
    table = plain_table("*allocation", "kind", "*pages", "label")
    for allocation in guest.allocations:
        table.add_row(str(allocation.id), allocation.kind, str(allocation.nr_pages), allocation.label or "")
    return table


def cma_area_table(areas: Sequence[CmaArea]) -> RenderableType:
    """Shows one line per CMA area, and what its client has."""
    if not areas:
        return "no CMA areas; `vmemctl create --cma NAME:SIZE` makes a guest with one"
    table = plain_table("CMA area", "*base", "*size", "*used", "of it", "taken at")
    for area in areas:
        pieces = " ".join(f"{piece.pfn:#x}+{piece.nr_pages}" for piece in area.allocations[:_SHOWN_PIECES])
        more = " ..." if len(area.allocations) > _SHOWN_PIECES else ""
        table.add_row(
            area.name,
            f"{area.base:#x}",
            format_size(area.size),
            format_size(area.used),
            fill_bar(area.used, area.size),
            pieces + more or "-",
        )
    return table


def outcome_table(outcome: Outcome) -> RenderableType:
    """Shows what was asked, what was got, at which level, and what stopped the rest."""
    lost = ", ".join(f"{count} {types}" for types, count in outcome.types_lost.items())
    headline = Text.assemble(
        (outcome.state, _STATE_STYLES[outcome.state]),
        f": {format_size(outcome.achieved)} of {format_size(outcome.requested)}",
        f"; plugged {format_size(outcome.size)}, requested {format_size(outcome.requested_size)}",
        f"; {outcome.migrated_pages} pages migrated in {format_us(outcome.simulated_us)} simulated",
        f"; pageblocks that lost their type: {lost}" if lost else "",
    )
    return Group(headline, *outcome_details(outcome))


def outcome_details(outcome: Outcome) -> list[RenderableType]:
    """Returns what was done at which level, and what stopped the rest."""
    parts: list[RenderableType] = []
    if outcome.by_level:
        parts.append(level_table(outcome))
    if outcome.obstacle_groups:
        parts.append(obstacle_table(outcome))
    return parts


def level_table(outcome: Outcome) -> Table:
    """Shows one line per level of the fallback."""
    table = plain_table("level", "*bytes", "*attempts", "*failed")
    for level, result in outcome.by_level.items():
        table.add_row(level, format_size(result.bytes), str(result.attempts), str(result.failed))
    return table


def memory_block_table(blocks: MemoryBlocks) -> RenderableType:
    """Shows one line per run of memory blocks that are alike."""
    table = plain_table("memory blocks", "*count", "*size", "*start pfn", "state", "zone", "device")
    for run in _runs(blocks.memory_blocks):
        first, last = run[0], run[-1]
        table.add_row(
            str(first.id) if first is last else f"{first.id}-{last.id}",
            str(len(run)),
            format_size(len(run) * blocks.memory_block_size),
            f"{first.start_pfn:#x}",
            Text(first.state, style="" if first.state == "online" else "yellow"),
            first.zone or "-",
            first.device or "-",
        )
    return Group(f"memory blocks of {format_size(blocks.memory_block_size)}", table)


def violation_table(verification: Verification) -> RenderableType:
    """Shows each broken invariant, or that there is none: failures, and apart from them findings."""
    if not verification.violations:
        return Text("sound: no invariant is broken", style="green")
    parts: list[RenderableType] = []
    for is_failure, title in ((True, "failures of the simulator"), (False, "findings: the kernel does that")):
        table = plain_table("invariant", "where", "expected", "found")
        for violation in verification.violations:
            if violation.is_failure is is_failure:
                table.add_row(violation.id, violation.where, violation.expected, violation.found)
        if table.row_count:
            parts += [Text(title, style="red" if is_failure else "yellow"), table]
    return Group(*parts)


def plain_table(*names: str) -> Table:
    """Returns an empty table; a column whose name begins with "*" holds numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        table.add_column(name.removeprefix("*"), justify="right" if name.startswith("*") else "left")
    return table


def format_us(microseconds: float) -> str:
    """Returns a simulated time in the unit that people would use."""
    for unit, length in _TIME_UNITS.items():
        if microseconds >= length:
            return f"{microseconds / length:.3g} {unit}"
    return f"{microseconds:g} us"


def _runs(blocks: Sequence[MemoryBlock]) -> list[list[MemoryBlock]]:
    """Returns blocks in a row that are alike, together."""
    numbered = enumerate(blocks)
    grouped = groupby(
        numbered, key=lambda item: (item[1].id - item[0], item[1].state, item[1].zone, item[1].device)
    )
    return [[block for _, block in group] for _, group in grouped]
