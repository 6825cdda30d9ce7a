"""A driver's plan: its mode, and in which units it takes memory that is online back, largest first.

Mirrors semantics sections 8.6 (D-11 to D-13) and 8.10; Linux itself has two levels, the thread of 2021 proposes three.
Kept here: what a level measures in sub-blocks. Big block mode has one unit, whatever levels are named.
Left out: which lists of levels make sense (app.mm.policies.switches), the walk over the units (unplug.py).
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.errors import InvalidValue
from app.mm.geometry import Geometry
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.quantities import Mode, big_block_size, driver_mode, subblock_size
from app.mm.policies.switches import FALLBACKS, Level
from app.virtio_mem.driver.options import ModuleParameters


class UnplugLevel(NamedTuple):
    """One level of a plan: its name, and how many sub-blocks one unit has."""

    level: Level
    nr_subblocks: int


class FallbackPlan(NamedTuple):
    """One driver's plan. Its blocks are memory blocks or big blocks; the last level is the unit, a level's smallest."""

    unit_size: int
    units_per_block: int
    # Largest first.
    levels: tuple[UnplugLevel, ...]
    mode: Mode = Mode.SUB_BLOCK


_ACCEPTED_TEXT = " or ".join("[" + ", ".join(levels) + "]" for levels in FALLBACKS)


def parse_fallback(names: Sequence[str]) -> tuple[Level, ...]:
    """Returns the levels that `names` list.

    Raises InvalidValue when the list is none of those that make sense.
    """
    for levels in FALLBACKS:
        if tuple(names) == levels:
            return levels
    raise InvalidValue("fallback", list(names), _ACCEPTED_TEXT)


def choose_levels(
    geometry: Geometry, policy: KernelPolicy, fallback: Sequence[str] | None
) -> tuple[Level, ...]:
    """Returns the levels that `fallback` names, or the policy's own for None.

    A middle level `chunk` is left out where the sub-block is a chunk: that is the same as two levels (12.1).
    Raises InvalidValue when the list is none of those that make sense.
    """
    named = policy.fallback if fallback is None else parse_fallback(fallback)
    chunk_size = _chunk_size(geometry)
    if Level.CHUNK not in named[1:-1] or subblock_size(geometry, policy, 0) < chunk_size:
        return named
    return (named[0], Level.CHUNK if chunk_size > geometry.pageblock_size else Level.PAGEBLOCK)


def plan_fallback(
    geometry: Geometry,
    policy: KernelPolicy,
    *,
    fallback: Sequence[str],
    block_size: int,
    parameters: ModuleParameters | None = None,
) -> FallbackPlan:
    """Returns the plan of a driver whose device has blocks of `block_size` bytes.

    A middle level as large as its neighbour is dropped: `chunk` where the sub-block is a chunk. Parameters that the
    release does not know are passed over.
    Raises InvalidValue when the list makes no sense here, or the driver refuses the device.
    """
    parameters = (parameters or ModuleParameters()).known_to(policy)
    named = parse_fallback(fallback)
    memory_block_size = geometry.memory_block_size
    if Level.SECTION in named and geometry.section_size >= memory_block_size:
        accepted = f"section only where it is below the memory block ({memory_block_size} bytes)"
        raise InvalidValue("fallback", list(named), accepted, section_size=geometry.section_size)
    unit = subblock_size(geometry, policy, block_size)
    if named[-1] is Level.CHUNK:
        unit = max(unit, _chunk_size(geometry))
    mode = driver_mode(geometry, policy, unit, is_forced_big=parameters.force_bbm)
    if mode is Mode.REFUSED:
        raise _too_big(geometry, unit, block_size)
    if mode is Mode.BIG_BLOCK:
        size = big_block_size(geometry, block_size, parameters.bbm_block_size)
        return FallbackPlan(size, 1, (UnplugLevel(Level.BIG_BLOCK, 1),), mode)
    sizes = {
        Level.MEMORY_BLOCK: memory_block_size,
        Level.SECTION: geometry.section_size,
        Level.CHUNK: _chunk_size(geometry),
    }
    middle = [level for level in named[1:-1] if unit < sizes[level] < memory_block_size]
    upper = [*named[:1], *middle] if len(named) > 1 else []
    levels = [UnplugLevel(level, sizes[level] // unit) for level in upper]
    levels.append(UnplugLevel(_lowest_level(geometry, named[-1], unit), 1))
    return FallbackPlan(unit, memory_block_size // unit, tuple(levels))


def _chunk_size(geometry: Geometry) -> int:
    return geometry.page_size << geometry.phys_contig_order  # D-11: never above a section


def _lowest_level(geometry: Geometry, named: Level, unit: int) -> Level:
    """Names the sub-block: on a 5.15 driver, or with large device blocks, `pageblock` means a chunk."""
    is_chunk = unit > geometry.pageblock_size and unit >= _chunk_size(geometry)
    return Level.CHUNK if is_chunk else named


def _too_big(geometry: Geometry, unit: int, block_size: int) -> InvalidValue:
    largest = geometry.memory_block_size
    members: dict[str, object] = {"subblock_size": unit, "memory_block_size": largest}
    reason = "a driver without big block mode refuses others"
    if block_size > largest:
        return InvalidValue(
            "block_size", block_size, f"at most a memory block ({largest}): {reason}", **members
        )
    accepted = f"a geometry whose sub-block ({unit}) is at most a memory block ({largest}): {reason}"
    return InvalidValue("preset", geometry.name, accepted, **members)
