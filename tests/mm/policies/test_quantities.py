"""Quantities: what follows from a geometry and a policy, against the tables of G-5 and G-7 and recorded modes."""

from dataclasses import replace

import pytest

from app.errors import InvalidValue
from app.mm.geometry import PRESETS, preset
from app.mm.policies.policy import POLICIES, policy
from app.mm.policies.policy_text import parse_policy
from app.mm.policies.quantities import (
    Mode,
    cma_align,
    contig_align,
    driver_mode,
    fadump_align,
    quantities,
    subblock_size,
    validate_together,
)
from app.units import MIB


@pytest.mark.parametrize(
    ("geometry", "older", "newer"),
    [
        ("x86-64", 4 * MIB, 2 * MIB),
        ("arm64-16K", 32 * MIB, 32 * MIB),
        ("s390x", 4 * MIB, 1 * MIB),
        ("wide", 32 * MIB, 2 * MIB),
    ],
)
def test_subblock_size_is_chunk_then_pageblock(geometry: str, older: int, newer: int) -> None:
    """The columns "sb" of G-5."""
    assert subblock_size(preset(geometry), policy("linux-5.15"), MIB) == older
    assert subblock_size(preset(geometry), policy("linux-5.19"), MIB) == newer


@pytest.mark.parametrize(
    ("name", "device_block", "size", "mode"),
    [
        ("linux-5.10", 2 * MIB, 4 * MIB, Mode.SUB_BLOCK),
        ("linux-5.19", 2 * MIB, 2 * MIB, Mode.SUB_BLOCK),
        ("linux-5.10", 8 * MIB, 8 * MIB, Mode.SUB_BLOCK),
        ("linux-5.19", 8 * MIB, 8 * MIB, Mode.SUB_BLOCK),
        ("linux-5.10", 128 * MIB, 128 * MIB, Mode.SUB_BLOCK),
        ("linux-5.19", 128 * MIB, 128 * MIB, Mode.BIG_BLOCK),
        ("linux-5.10", 256 * MIB, 256 * MIB, Mode.REFUSED),
        ("linux-5.19", 256 * MIB, 256 * MIB, Mode.BIG_BLOCK),
    ],
)
def test_mode_is_as_recorded(name: str, device_block: int, size: int, mode: Mode) -> None:
    """The recorded table of device block sizes: which sub-block, and sub-block mode or not."""
    x86 = preset("x86-64")
    assert subblock_size(x86, policy(name), device_block) == size
    assert driver_mode(x86, policy(name), device_block) is mode


def test_alignments_follow_policy() -> None:
    """G-7: CMA and fadump align to chunks until 5.18, to pageblocks from 5.19."""
    x86 = preset("x86-64")
    old, new = policy("linux-5.15"), policy("linux-5.19")
    assert (cma_align(x86, old), cma_align(x86, new)) == (4 * MIB, 2 * MIB)
    assert (fadump_align(x86, old), fadump_align(x86, new)) == (4 * MIB, 2 * MIB)


def test_subblock_stops_at_section() -> None:
    """G-8: where a chunk is larger than a section, a chunk-sized sub-block grows to the section only."""
    tall = replace(preset("x86-64"), max_order=15, section_size=16 * MIB, allow_wide_max=True)
    assert subblock_size(tall, policy("linux-5.15"), MIB) == 16 * MIB


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("geometry", PRESETS)
def test_quantities_are_consistent(geometry: str, name: str) -> None:
    """Each is a power of two; sub-blocks are whole pageblocks, and as large as what can be taken."""
    found = quantities(preset(geometry), policy(name), MIB)
    for size in (found.contig_align, found.cma_align, found.fadump_align, found.subblock_size):
        assert size.bit_count() == 1
        assert size % found.pageblock_size == 0
    assert found.contig_align <= max(found.section_size, found.pageblock_size)
    assert found.dma_contiguous_align == found.cma_align
    assert (found.big_block_size is not None) == (found.mode is Mode.BIG_BLOCK)


@pytest.mark.parametrize(
    ("geometry", "older", "newer"),
    [("ppc64-64K-radix", 16 * MIB, 2 * MIB), ("ppc64-64K-hash", 16 * MIB, 16 * MIB)],
)
def test_fadump_on_ppc64_is_as_the_thread_says(geometry: str, older: int, newer: int) -> None:
    """RFC3: radix shrinks from 16 MiB to 2 MiB, hash is unchanged."""
    assert fadump_align(preset(geometry), policy("linux-5.15")) == older
    assert fadump_align(preset(geometry), policy("linux-5.19")) == newer


def test_chunk_sized_ranges_need_chunk_sized_subblocks() -> None:
    """A driver that asks for pageblocks gets chunks, while the range around each of them is a chunk (G-7)."""
    x86 = preset("x86-64")
    assert subblock_size(x86, parse_policy("linux-5.15+sb_size=pageblock"), MIB) == 4 * MIB
    assert subblock_size(x86, policy("remedy-full"), MIB) == 2 * MIB
    assert contig_align(x86, policy("remedy-full")) == 4 * MIB


def test_large_pages_are_for_big_block_mode_only() -> None:
    """G-5, G-7: with 64 KiB pages on arm64 the sub-block is a memory block; a device block may be larger still."""
    found = quantities(preset("arm64-64K"), policy("linux-6.17"), 2 * MIB)
    assert (found.mode, found.subblock_size, found.big_block_size) == (Mode.BIG_BLOCK, 512 * MIB, 512 * MIB)
    larger = quantities(preset("x86-64"), policy("linux-6.17"), 256 * MIB)
    assert (larger.mode, larger.big_block_size) == (Mode.BIG_BLOCK, 256 * MIB)
    assert quantities(preset("x86-64"), policy("linux-5.10"), 256 * MIB).mode is Mode.REFUSED


def test_nothing_reaches_over_a_section_where_free_pages_do() -> None:
    """G-8: the outer range of a contiguous allocation is a section there, not the chunk; CMA's chunk stays."""
    spanning = preset("toy-spanning")
    chunky = parse_policy("linux-5.19+contig_align=chunk,cma_align=chunk")
    assert (contig_align(spanning, chunky), cma_align(spanning, chunky)) == (4 * MIB, 16 * MIB)
    assert subblock_size(spanning, chunky, MIB) == 4 * MIB


@pytest.mark.parametrize("name", POLICIES)
def test_free_pages_over_sections_need_a_policy_that_cuts_them(name: str) -> None:
    """G-8, I-7: without boundary handling, isolating one section would hide pages of the next."""
    for geometry in PRESETS.values():
        if geometry.name == "toy-spanning" and str(policy(name).boundary) == "none":
            with pytest.raises(InvalidValue, match="larger than a section"):
                validate_together(geometry, policy(name))
        else:
            validate_together(geometry, policy(name))
