"""Fallback plans: which lists of levels are accepted, what a level measures, what is dropped or refused."""

from dataclasses import replace

import pytest

from app.errors import InvalidValue
from app.mm.geometry import preset
from app.mm.policies.policy import POLICIES
from app.mm.policies.quantities import Mode
from app.mm.policies.switches import FALLBACKS, Level, Unit
from app.units import GIB, MIB
from app.virtio_mem.driver.fallback import FallbackPlan, parse_fallback, plan_fallback
from app.virtio_mem.driver.options import ModuleParameters

BLOCK, CHUNK, SECTION, PAGEBLOCK = "memory_block", "chunk", "section", "pageblock"
THREE = (BLOCK, CHUNK, PAGEBLOCK)


def plan(
    levels: tuple[str, ...], *, name: str = "x86-64", policy: str = "linux-5.19", block: int = 2 * MIB
) -> FallbackPlan:
    """Plans for a preset and a policy by name."""
    return plan_fallback(preset(name), POLICIES[policy], fallback=levels, block_size=block)


@pytest.mark.parametrize("levels", FALLBACKS)
def test_parse_fallback_accepts_the_lists_that_make_sense(levels: tuple[Level, ...]) -> None:
    """Names as strings come back as levels."""
    assert parse_fallback([str(level) for level in levels]) == levels


@pytest.mark.parametrize(
    "levels",
    [
        (),
        (BLOCK,),
        (CHUNK,),
        (CHUNK, PAGEBLOCK),
        (BLOCK, SECTION),
        (PAGEBLOCK, BLOCK),
        ("nothing",),
        (*THREE, CHUNK),
    ],
)
def test_parse_fallback_other_lists_are_refused_by_name(levels: tuple[str, ...]) -> None:
    """The refusal names the field and lists what would be accepted."""
    with pytest.raises(InvalidValue, match=r"\[memory_block, chunk, pageblock\] or") as refusal:
        parse_fallback(levels)
    assert refusal.value.members["field"] == "fallback"


@pytest.mark.parametrize(
    ("levels", "policy", "subblock", "expected"),
    [
        (THREE, "linux-5.19", 2 * MIB, [(BLOCK, 64), (CHUNK, 2), (PAGEBLOCK, 1)]),
        ((BLOCK, PAGEBLOCK), "linux-5.19", 2 * MIB, [(BLOCK, 64), (PAGEBLOCK, 1)]),
        ((BLOCK, CHUNK), "linux-5.19", 4 * MIB, [(BLOCK, 32), (CHUNK, 1)]),
        ((PAGEBLOCK,), "linux-5.19", 2 * MIB, [(PAGEBLOCK, 1)]),
        # Up to 5.18 the sub-block is a chunk, whatever the list calls it.
        (THREE, "linux-5.15", 4 * MIB, [(BLOCK, 32), (CHUNK, 1)]),
        ((BLOCK, PAGEBLOCK), "linux-5.15", 4 * MIB, [(BLOCK, 32), (CHUNK, 1)]),
        ((BLOCK, CHUNK), "linux-5.15", 4 * MIB, [(BLOCK, 32), (CHUNK, 1)]),
        ((PAGEBLOCK,), "linux-5.15", 4 * MIB, [(CHUNK, 1)]),
    ],
)
def test_plan_on_x86_follows_the_policy(
    levels: tuple[str, ...], policy: str, subblock: int, expected: list[tuple[str, int]]
) -> None:
    """8.6: the table of lists, with the sub-block of the policy; a chunk that is a sub-block is dropped."""
    made = plan(levels, policy=policy)
    assert made.unit_size == subblock
    assert made.units_per_block == 128 * MIB // subblock
    assert list(made.levels) == expected


@pytest.mark.parametrize(
    ("name", "levels", "expected"),
    [
        ("s390x", THREE, [(BLOCK, 64), (CHUNK, 2), (PAGEBLOCK, 1)]),  # device block of two pageblocks
        ("wide", THREE, [(BLOCK, 64), (CHUNK, 16), (PAGEBLOCK, 1)]),
        # Chunk and pageblock coincide: the middle level is dropped, the name asked for is kept.
        ("arm64-16K", THREE, [(BLOCK, 4), (PAGEBLOCK, 1)]),
        ("arm64-16K", (BLOCK, CHUNK), [(BLOCK, 4), (CHUNK, 1)]),
        # G-8: the middle level is a section where a chunk is larger.
        ("toy-spanning", THREE, [(BLOCK, 4), (CHUNK, 2), (PAGEBLOCK, 1)]),
        # Device blocks of 2 MiB are toy's chunks.
        ("toy", (BLOCK, SECTION, PAGEBLOCK), [(BLOCK, 4), (SECTION, 2), (CHUNK, 1)]),
    ],
)
def test_plan_follows_the_geometry(
    name: str, levels: tuple[str, ...], expected: list[tuple[str, int]]
) -> None:
    """D-11: a level measures what the architecture says, and one as large as its neighbour adds nothing."""
    assert list(plan(levels, name=name).levels) == expected


def test_plan_with_sections_has_them_as_the_middle_level() -> None:
    """8.6: ZY2's variant, where a memory block has several sections."""
    made = plan((BLOCK, SECTION, PAGEBLOCK), name="toy", block=1 * MIB)
    assert list(made.levels) == [(BLOCK, 8), (SECTION, 4), (PAGEBLOCK, 1)]


@pytest.mark.parametrize(
    ("block", "subblock", "expected"),
    [
        (1 * MIB, 2 * MIB, [(BLOCK, 64), (CHUNK, 2), (PAGEBLOCK, 1)]),
        (4 * MIB, 4 * MIB, [(BLOCK, 32), (CHUNK, 1)]),
        (8 * MIB, 8 * MIB, [(BLOCK, 16), (CHUNK, 1)]),
        (64 * MIB, 64 * MIB, [(BLOCK, 2), (CHUNK, 1)]),
    ],
)
def test_plan_with_larger_device_blocks_has_larger_subblocks(
    block: int, subblock: int, expected: list[tuple[str, int]]
) -> None:
    """G-7: the sub-block is no smaller than the device block; recorded for 2, 4 and 8 MiB on 6.1."""
    made = plan(THREE, block=block)
    assert made.unit_size == subblock
    assert list(made.levels) == expected


def test_plan_chunk_above_the_section_is_cut_to_it() -> None:
    """D-11, G-8: the chunk level never exceeds a section."""
    wide = replace(preset("wide"), section_size=16 * MIB, allow_wide_max=True)
    made = plan_fallback(wide, POLICIES["linux-5.19"], fallback=THREE, block_size=2 * MIB)
    assert list(made.levels) == [(BLOCK, 64), (CHUNK, 8), (PAGEBLOCK, 1)]


def test_plan_section_as_large_as_the_memory_block_is_refused() -> None:
    """8.6: the section level makes sense only below the memory block."""
    with pytest.raises(InvalidValue, match="section only where it is below the memory block"):
        plan((BLOCK, SECTION, PAGEBLOCK))


@pytest.mark.parametrize("block", [128 * MIB, 256 * MIB, 2 * GIB])
def test_plan_device_block_of_a_memory_block_is_a_big_block(block: int) -> None:
    """G-7, as recorded: one unit, which is as large as the device block, whatever levels are named."""
    made = plan(THREE, block=block)
    assert (made.mode, made.unit_size, made.units_per_block) == (Mode.BIG_BLOCK, block, 1)
    assert list(made.levels) == [(Level.BIG_BLOCK, 1)]


@pytest.mark.parametrize(
    ("parameters", "policy", "mode", "unit"),
    [
        (ModuleParameters(force_bbm=True), "linux-5.19", Mode.BIG_BLOCK, 128 * MIB),
        (ModuleParameters(force_bbm=True, bbm_block_size=512 * MIB), "linux-5.19", Mode.BIG_BLOCK, 512 * MIB),
        (ModuleParameters(force_bbm=True, bbm_block_size=64 * MIB), "linux-5.19", Mode.BIG_BLOCK, 128 * MIB),
        (ModuleParameters(force_bbm=True, bbm_block_size=384 * MIB), "linux-5.19", Mode.BIG_BLOCK, 128 * MIB),
        (ModuleParameters(bbm_block_size=512 * MIB), "linux-5.19", Mode.SUB_BLOCK, 2 * MIB),
        (ModuleParameters(force_bbm=True), "linux-5.10", Mode.SUB_BLOCK, 4 * MIB),
    ],
)
def test_plan_follows_the_module_parameters(
    parameters: ModuleParameters, policy: str, mode: Mode, unit: int
) -> None:
    """8.10, as recorded: big blocks where they are forced, as large as told if that can be; 5.10 knows none of it."""
    kernel = POLICIES[policy]
    made = plan_fallback(preset("x86-64"), kernel, fallback=THREE, block_size=2 * MIB, parameters=parameters)
    assert (made.mode, made.unit_size) == (mode, unit)


def test_plan_before_big_block_mode_takes_a_subblock_of_a_memory_block() -> None:
    """Recorded on 5.10: device blocks of 128 MiB are sub-block mode, of 256 MiB are refused."""
    made = plan((BLOCK, CHUNK), policy="linux-5.10", block=128 * MIB)
    assert (made.unit_size, made.units_per_block) == (128 * MIB, 1)
    assert list(made.levels) == [(BLOCK, 1), (CHUNK, 1)]
    with pytest.raises(InvalidValue, match="without big block mode") as refusal:
        plan((BLOCK, CHUNK), policy="linux-5.10", block=256 * MIB)
    assert refusal.value.members["field"] == "block_size"


def test_plan_geometry_whose_chunk_is_a_memory_block_has_big_blocks() -> None:
    """A chunk-sized sub-block that fills the memory block is a big block, or refused where it would be larger."""
    narrow = replace(preset("x86-64"), section_size=4 * MIB, memory_block_size=4 * MIB)
    made = plan_fallback(narrow, POLICIES["linux-5.15"], fallback=THREE, block_size=2 * MIB)
    assert (made.mode, made.unit_size) == (Mode.BIG_BLOCK, 4 * MIB)
    narrower = replace(narrow, section_size=2 * MIB, memory_block_size=2 * MIB)
    old = replace(POLICIES["linux-5.10"], sb_size=Unit.PAGEBLOCK)
    with pytest.raises(InvalidValue, match="a geometry whose sub-block") as refusal:
        plan_fallback(replace(narrower, section_size=4 * MIB), old, fallback=(BLOCK, CHUNK), block_size=MIB)
    assert refusal.value.members["field"] == "preset"
