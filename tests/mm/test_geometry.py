"""Geometry: presets obey the laws, and each broken law is named."""

from dataclasses import replace

import pytest

from app.errors import InvalidValue, Unknown
from app.mm.geometry import (
    PRESETS,
    Geometry,
    preset,
    x86_memory_block_size,
)
from app.units import GIB, KIB, MIB

X86 = preset("x86-64")


@pytest.mark.parametrize("name", PRESETS)
def test_preset_obeys_every_law(name: str) -> None:
    """A preset that breaks a law could never make a guest."""
    geometry = preset(name)
    geometry.validate()
    assert geometry.name == name
    assert geometry.pageblocks_per_memory_block << geometry.pageblock_order == geometry.memory_block_nr_pages
    assert geometry.page_size << geometry.max_order == geometry.chunk_size


@pytest.mark.parametrize(
    ("name", "chunk", "pageblock", "memory_block"),
    [
        ("x86-64", 4 * MIB, 2 * MIB, 128 * MIB),
        ("arm64-4K", 4 * MIB, 2 * MIB, 128 * MIB),
        ("arm64-16K", 32 * MIB, 32 * MIB, 128 * MIB),
        ("riscv64", 4 * MIB, 2 * MIB, 128 * MIB),
        ("s390x", 4 * MIB, 1 * MIB, 128 * MIB),
        ("arm64-64K", 512 * MIB, 512 * MIB, 512 * MIB),
        ("ppc64-64K-radix", 16 * MIB, 2 * MIB, 256 * MIB),
        ("ppc64-64K-hash", 16 * MIB, 16 * MIB, 256 * MIB),
        ("wide", 32 * MIB, 2 * MIB, 128 * MIB),
        ("toy", 2 * MIB, 1 * MIB, 8 * MIB),
        ("toy-spanning", 16 * MIB, 1 * MIB, 8 * MIB),
    ],
)
def test_preset_has_sizes_of_table(name: str, chunk: int, pageblock: int, memory_block: int) -> None:
    """The table of G-5, row by row."""
    geometry = preset(name)
    sizes = (geometry.chunk_size, geometry.pageblock_size, geometry.memory_block_size)
    assert sizes == (chunk, pageblock, memory_block)


def test_preset_unknown_is_named_with_known_ones() -> None:
    """A wrong preset is answered with those that exist."""
    with pytest.raises(Unknown, match="x86-64"):
        preset("vax")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("page_size", 4097),
        ("page_size", 2 * KIB),
        ("page_size", 2 * MIB),
        ("max_order", 0),
        ("max_order", 16),
        ("pageblock_order", 0),
        ("pageblock_order", 11),
        ("section_size", 96 * MIB),
        ("section_size", 2 * MIB),
        ("memory_block_size", 64 * MIB),
        ("memory_block_size", 192 * MIB),
        ("memory_block_size", 128 * GIB),
    ],
)
def test_validate_broken_law_names_field(field: str, value: int) -> None:
    """Each law of G-9, broken alone, is refused by the name of its field."""
    with pytest.raises(InvalidValue) as caught:
        replace(X86, **{field: value}).validate()  # type: ignore[arg-type]  # the field is the parameter
    assert caught.value.members["field"] == f"geometry.{field}"
    assert caught.value.members["value"] == value


def test_chunk_above_section_needs_wide_max() -> None:
    """G-8: a chunk larger than a section is refused, unless allowed; contiguous is then the section."""
    wide = Geometry("w", 4 * KIB, 15, 9, 16 * MIB, 128 * MIB)
    with pytest.raises(InvalidValue, match=r"geometry\.section_size"):
        wide.validate()
    allowed = replace(wide, allow_wide_max=True)
    allowed.validate()
    assert allowed.phys_contig_order == 12
    assert replace(allowed, is_sparse=False).phys_contig_order == 15


@pytest.mark.parametrize(
    ("boot_end", "is_virtual", "size"),
    [
        (4 * GIB, True, 128 * MIB),
        (64 * GIB - MIB, True, 128 * MIB),
        (64 * GIB, True, 2 * GIB),
        (65 * GIB, True, 1 * GIB),
        (64 * GIB + 256 * MIB, True, 256 * MIB),
        (64 * GIB + 64 * MIB, True, 128 * MIB),
        (64 * GIB + 64 * MIB, False, 2 * GIB),
    ],
)
def test_x86_memory_block_size_follows_boot_memory(boot_end: int, size: int, *, is_virtual: bool) -> None:
    """G-6: one section below 64 GiB, above it what the end of boot memory is aligned to."""
    assert x86_memory_block_size(boot_end, is_virtual=is_virtual) == size


def test_with_memory_block_size_is_validated() -> None:
    """A changed memory block still obeys the laws."""
    assert X86.with_memory_block_size(2 * GIB).memory_block_nr_pages == 524288
    with pytest.raises(InvalidValue, match="memory_block_size"):
        X86.with_memory_block_size(64 * MIB)
