"""Sizes that follow from a geometry and a policy: what contiguous ranges, CMA areas and the driver are made of.

Mirrors semantics G-7 and G-8: include/linux/cma.h, kernel/dma/contiguous.c, powerpc's fadump and virtio_mem.c.
Kept here: each is computed where it is asked for, and stored nowhere.
Left out: fallback levels between the memory block and the sub-block (app.virtio_mem.driver.fallback).
"""

from enum import StrEnum
from typing import NamedTuple

from app.errors import InvalidValue
from app.mm.geometry import Geometry
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.switches import Boundary, ContigAlign, Unit
from app.units import is_power_of_two


class Mode(StrEnum):
    """How the driver cuts a device (G-7)."""

    SUB_BLOCK = "sub-block"
    BIG_BLOCK = "big-block"
    # Before big block mode existed, the driver refused such a device.
    REFUSED = "refused"


class Quantities(NamedTuple):
    """All of G-7 and G-8, sizes in bytes; big_block_size: None unless the mode is big block mode."""

    page_size: int
    chunk_size: int
    pageblock_size: int
    section_size: int
    memory_block_size: int
    phys_contig_order: int
    contig_align: int
    cma_align: int
    dma_contiguous_align: int
    fadump_align: int
    device_block_size: int
    subblock_size: int
    mode: Mode
    big_block_size: int | None


def validate_together(geometry: Geometry, policy: KernelPolicy) -> None:
    """Checks that the policy can work on the geometry.

    Raises InvalidValue: a free page that crosses sections (G-8) has to be cut where one of them is isolated.
    """
    if geometry.max_order > geometry.phys_contig_order and policy.boundary is Boundary.NONE:
        accepted = (
            f"migrate, hugetlb or defer where a chunk ({geometry.chunk_size}) is larger than a section "
            f"({geometry.section_size}), as on {geometry.name}"
        )
        raise InvalidValue("policy.boundary", str(policy.boundary), accepted)


def quantities(geometry: Geometry, policy: KernelPolicy, device_block_size: int) -> Quantities:
    """Returns what follows for a device with blocks of `device_block_size` bytes."""
    mode = driver_mode(geometry, policy, device_block_size)
    is_big = mode is Mode.BIG_BLOCK
    return Quantities(
        page_size=geometry.page_size,
        chunk_size=geometry.chunk_size,
        pageblock_size=geometry.pageblock_size,
        section_size=geometry.section_size,
        memory_block_size=geometry.memory_block_size,
        phys_contig_order=geometry.phys_contig_order,
        contig_align=contig_align(geometry, policy),
        cma_align=cma_align(geometry, policy),
        # Reserved memory for DMA is a CMA area like any other.
        dma_contiguous_align=cma_align(geometry, policy),
        fadump_align=fadump_align(geometry, policy),
        device_block_size=device_block_size,
        subblock_size=subblock_size(geometry, policy, device_block_size),
        mode=mode,
        big_block_size=big_block_size(geometry, device_block_size) if is_big else None,
    )


def contig_align(geometry: Geometry, policy: KernelPolicy) -> int:
    """Returns the bytes to which a contiguous range is widened at most; never above a section (G-7, G-8)."""
    is_chunk = policy.contig_align is not ContigAlign.PAGEBLOCK
    return geometry.page_size << _unit_order(geometry, is_chunk=is_chunk)


def cma_align(geometry: Geometry, policy: KernelPolicy) -> int:
    """Returns the alignment of CMA areas in bytes (G-7)."""
    return geometry.chunk_size if policy.cma_align is Unit.CHUNK else geometry.pageblock_size


def fadump_align(geometry: Geometry, policy: KernelPolicy) -> int:
    """Returns the alignment in bytes of the firmware-assisted dump area, which follows CMA's (G-7)."""
    return cma_align(geometry, policy)


def subblock_size(geometry: Geometry, policy: KernelPolicy, device_block_size: int) -> int:
    """Returns the driver's sub-block in bytes: its unit, and no less than what can be taken or plugged (G-7)."""
    # A range that stops at another type can be as small as a pageblock.
    is_chunk = policy.sb_size is Unit.CHUNK or policy.contig_align is ContigAlign.CHUNK
    return max(geometry.page_size << _unit_order(geometry, is_chunk=is_chunk), device_block_size)


def driver_mode(
    geometry: Geometry, policy: KernelPolicy, device_block_size: int, *, is_forced_big: bool = False
) -> Mode:
    """Returns how the driver cuts a device with blocks of `device_block_size` bytes (G-7).

    is_forced_big: the driver's owner wants big blocks wherever the release has them (8.10).
    """
    size = subblock_size(geometry, policy, device_block_size)
    if policy.has_big_block_mode:
        is_small = size < geometry.memory_block_size and not is_forced_big
        return Mode.SUB_BLOCK if is_small else Mode.BIG_BLOCK
    # Recorded on 5.10: a sub-block as large as the memory block is sub-block mode.
    return Mode.SUB_BLOCK if size <= geometry.memory_block_size else Mode.REFUSED


def big_block_size(geometry: Geometry, device_block_size: int, wanted: int = 0) -> int:
    """Returns the big block in bytes: at least a memory block and a device block, and `wanted` if that is more.

    A wanted size that is no power of two, or too small, is passed over as the kernel does (8.10).
    """
    smallest = max(device_block_size, geometry.memory_block_size)
    return wanted if is_power_of_two(wanted) and wanted > smallest else smallest


def _unit_order(geometry: Geometry, *, is_chunk: bool) -> int:
    order = geometry.pageblock_order
    return max(order, geometry.phys_contig_order) if is_chunk else order
