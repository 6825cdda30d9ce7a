"""Sizes of a guest's memory: page, chunk, pageblock, section and memory block, with the laws between them.

Mirrors include/linux/mmzone.h, pageblock-flags.h and the sparsemem headers (semantics G-1 to G-9), 5.15-6.18.
Kept here: every divisibility law of G-9, in validate(), and nowhere else.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from app.errors import InvalidValue, Unknown
from app.units import GIB, KIB, MIB, is_aligned, is_power_of_two

# A page head keeps its order in four bits (DESIGN: kind | order << 4).
HIGHEST_ORDER = 15
SMALLEST_PAGE_SIZE = 4 * KIB
LARGEST_PAGE_SIZE = 1 * MIB
LARGEST_MEMORY_BLOCK_SIZE = 64 * GIB
# G-6: x86-64 keeps one section per memory block while boot memory ends below this.
_LARGE_GUEST_BOOT_SIZE = 64 * GIB
_LARGEST_X86_MEMORY_BLOCK_SIZE = 2 * GIB


@dataclass(frozen=True)
class Geometry:
    """What the architecture and the kernel's build fix; sizes in bytes, orders inclusive (G-1)."""

    name: str
    page_size: int
    # H: the highest order that a free page can have, inclusive. 2**H pages are "the chunk".
    max_order: int
    # P: the order at which migratetypes are kept.
    pageblock_order: int
    section_size: int
    memory_block_size: int
    # Sparse memory: the memmap has holes, so that no run may rely on crossing a section (G-8).
    is_sparse: bool = True
    # G-8: lets a chunk be larger than a section.
    allow_wide_max: bool = False

    @cached_property
    def chunk_nr_pages(self) -> int:
        """Pages of the largest free page, 2**H."""
        return 1 << self.max_order

    @cached_property
    def pageblock_nr_pages(self) -> int:
        """Pages of a pageblock, 2**P."""
        return 1 << self.pageblock_order

    @cached_property
    def section_nr_pages(self) -> int:
        """Pages of a section of sparse memory."""
        return self.section_size // self.page_size

    @cached_property
    def memory_block_nr_pages(self) -> int:
        """Pages of a memory block, the unit of hotplug."""
        return self.memory_block_size // self.page_size

    @cached_property
    def chunk_size(self) -> int:
        """Bytes of a chunk."""
        return self.page_size << self.max_order

    @cached_property
    def pageblock_size(self) -> int:
        """Bytes of a pageblock."""
        return self.page_size << self.pageblock_order

    @cached_property
    def section_order(self) -> int:
        """Order of a section."""
        return self.section_nr_pages.bit_length() - 1

    @cached_property
    def dma32_end(self) -> int:
        """Bytes of boot memory that are zone DMA32's, recorded on x86-64; 0 on machines that have none."""
        return 4 * GIB if self.name == "x86-64" else 0

    @cached_property
    def phys_contig_order(self) -> int:
        """The largest surely contiguous order: level "chunk" and contig's outer range use it, never H."""
        return min(self.max_order, self.section_order) if self.is_sparse else self.max_order

    @cached_property
    def phys_contig_nr_pages(self) -> int:
        """Pages of the largest surely contiguous run."""
        return 1 << self.phys_contig_order

    @cached_property
    def thp_order(self) -> int:
        """Order of a transparent huge page: it never exceeds a pageblock (K-3)."""
        return self.pageblock_order

    @cached_property
    def pageblocks_per_memory_block(self) -> int:
        """How many pageblocks a memory block holds."""
        return self.memory_block_nr_pages >> self.pageblock_order

    def validate(self) -> None:
        """Checks every law of G-9.

        Raises InvalidValue for the first one that is broken.
        """
        for law in _LAWS:
            field, accepted, holds = law(self)
            if not holds:
                raise InvalidValue(f"geometry.{field}", getattr(self, field), accepted)

    def with_memory_block_size(self, memory_block_size: int) -> "Geometry":
        """Returns the same geometry with memory blocks of `memory_block_size` bytes.

        Raises InvalidValue when a law of G-9 forbids it.
        """
        if memory_block_size == self.memory_block_size:
            return self
        changed = replace(self, memory_block_size=memory_block_size)
        changed.validate()
        return changed


_Verdict = tuple[str, str, bool]


def _law_page_size(geometry: Geometry) -> _Verdict:
    size = geometry.page_size
    holds = is_power_of_two(size) and SMALLEST_PAGE_SIZE <= size <= LARGEST_PAGE_SIZE
    return "page_size", f"a power of two from {SMALLEST_PAGE_SIZE} to {LARGEST_PAGE_SIZE}", holds


def _law_max_order(geometry: Geometry) -> _Verdict:
    return "max_order", f"1 to {HIGHEST_ORDER}, inclusive sense", 1 <= geometry.max_order <= HIGHEST_ORDER


def _law_pageblock_order(geometry: Geometry) -> _Verdict:
    return (
        "pageblock_order",
        f"1 to max_order ({geometry.max_order})",
        1 <= geometry.pageblock_order <= geometry.max_order,
    )


def _law_section_size(geometry: Geometry) -> _Verdict:
    smallest = geometry.pageblock_size if geometry.allow_wide_max else geometry.chunk_size
    holds = is_power_of_two(geometry.section_size) and geometry.section_size >= smallest
    unit = "a pageblock" if geometry.allow_wide_max else "a chunk"
    return "section_size", f"a power of two of at least {unit} ({smallest})", holds


def _law_memory_block_size(geometry: Geometry) -> _Verdict:
    size = geometry.memory_block_size
    largest = LARGEST_MEMORY_BLOCK_SIZE
    holds = is_power_of_two(size) and geometry.section_size <= size <= largest
    return (
        "memory_block_size",
        f"a power of two from section_size ({geometry.section_size}) to {largest}",
        holds,
    )


# In this order: each law may rely on those before it.
_LAWS = (_law_page_size, _law_max_order, _law_pageblock_order, _law_section_size, _law_memory_block_size)


def x86_memory_block_size(boot_end: int, *, is_virtual: bool = True) -> int:
    """Returns the memory block size that x86-64 chooses for boot memory ending at `boot_end` bytes (G-6)."""
    section_size = PRESETS["x86-64"].section_size
    if boot_end < _LARGE_GUEST_BOOT_SIZE:
        return section_size
    if not is_virtual:
        return _LARGEST_X86_MEMORY_BLOCK_SIZE
    size = _LARGEST_X86_MEMORY_BLOCK_SIZE
    while size > section_size and not is_aligned(boot_end, size):
        size //= 2
    return size


PRESETS: dict[str, Geometry] = {
    geometry.name: geometry
    for geometry in (
        Geometry("x86-64", 4 * KIB, 10, 9, 128 * MIB, 128 * MIB),
        Geometry("arm64-4K", 4 * KIB, 10, 9, 128 * MIB, 128 * MIB),
        Geometry("arm64-16K", 16 * KIB, 11, 11, 128 * MIB, 128 * MIB),
        Geometry("riscv64", 4 * KIB, 10, 9, 128 * MIB, 128 * MIB),
        # Four pageblocks to a chunk: the natural preset for the cuts of I-8.
        Geometry("s390x", 4 * KIB, 10, 8, 128 * MIB, 128 * MIB),
        # No sub-block is below a memory block here: for CMA, and devices only in big block mode.
        Geometry("arm64-64K", 64 * KIB, 13, 13, 512 * MIB, 512 * MIB),
        # The driver is not built for these two: for CMA and fadump. 256 MiB is a common firmware memory block.
        Geometry("ppc64-64K-radix", 64 * KIB, 8, 5, 16 * MIB, 256 * MIB),
        Geometry("ppc64-64K-hash", 64 * KIB, 8, 8, 16 * MIB, 256 * MIB),
        # Synthetic: sixteen pageblocks to a chunk, where a middle level pays most (D-13).
        Geometry("wide", 4 * KIB, 13, 9, 128 * MIB, 128 * MIB),
        # Synthetic: 8 pages to a pageblock fit a drawing, 1 MiB of them is the smallest device block.
        Geometry("toy", 128 * KIB, 4, 3, 4 * MIB, 8 * MIB),
        # Synthetic: a free page may be four sections, two memory blocks, large (G-8).
        Geometry("toy-spanning", 128 * KIB, 7, 3, 4 * MIB, 8 * MIB, allow_wide_max=True),
    )
}


def preset(name: str) -> Geometry:
    """Returns the geometry preset `name`.

    Raises Unknown.
    """
    if name not in PRESETS:
        raise Unknown("preset", name, PRESETS)
    return PRESETS[name]
