"""The fallback levels: in which units a memory block that is online is taken back, largest first.

Mirrors semantics section 8.6 (D-11 to D-13); Linux itself has two levels, the thread of 2021 proposes three.
Kept here: what a level measures in sub-blocks.
Left out: which lists of levels make sense (app.mm.policies.switches), the walk over the units (unplug.py).
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.errors import InvalidValue
from app.mm.geometry import Geometry
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.quantities import subblock_size
from app.mm.policies.switches import FALLBACKS, Level


class UnplugLevel(NamedTuple):
    """One level of a plan: its name, and how many sub-blocks one unit has."""

    level: Level
    nr_subblocks: int


class FallbackPlan(NamedTuple):
    """The levels of one driver, largest first; the last one's unit is the sub-block."""

    subblock_size: int
    subblocks_per_memory_block: int
    levels: tuple[UnplugLevel, ...]


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
    geometry: Geometry, policy: KernelPolicy, *, fallback: Sequence[str], block_size: int
) -> FallbackPlan:
    """Returns the plan of a driver whose device has blocks of `block_size` bytes.

    A middle level as large as its neighbour is dropped: `chunk` where the sub-block is a chunk.
    Raises InvalidValue when the list makes no sense here, or the device needs big block mode.
    """
    named = parse_fallback(fallback)
    memory_block_size = geometry.memory_block_size
    if Level.SECTION in named and geometry.section_size >= memory_block_size:
        accepted = f"section only where it is below the memory block ({memory_block_size} bytes)"
        raise InvalidValue("fallback", list(named), accepted, section_size=geometry.section_size)
    unit = subblock_size(geometry, policy, block_size)
    if named[-1] is Level.CHUNK:
        unit = max(unit, _chunk_size(geometry))
    _require_subblock_mode(geometry, policy, unit, block_size)
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


def _require_subblock_mode(geometry: Geometry, policy: KernelPolicy, unit: int, block_size: int) -> None:
    largest = geometry.memory_block_size
    if unit < largest or (unit == largest and not policy.has_big_block_mode):
        return
    members: dict[str, object] = {"subblock_size": unit, "memory_block_size": largest}
    reason = "big block mode is not available yet"
    if subblock_size(geometry, policy, 0) < largest <= block_size:
        accepted = f"less than a memory block ({largest}): {reason}"
        raise InvalidValue("block_size", block_size, accepted, **members)
    accepted = f"a geometry whose sub-block ({unit}) is less than a memory block ({largest}): {reason}"
    raise InvalidValue("preset", geometry.name, accepted, **members)
