"""A CMA area: a range of pages that one user may have whole again, and the bitmap of what it has.

Mirrors struct cma and the search of its bitmap in mm/cma.c (semantics C-7, C-9).
Kept here: the alignment law of an area, and that a set bit stands for pages of the area's client (INV-16).
Left out: taking pages and giving them back (app.mm.cma).
"""

from dataclasses import dataclass, field

from app.errors import InvalidValue
from app.mm.geometry import Geometry
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.quantities import cma_align
from app.units import align_up, format_size, is_aligned

# Owner of the pages that a client has of area number 0; those of area n belong to CMA_OWNER - n.
CMA_OWNER = -16
_FREE, _USED = b"\0", b"\1"


@dataclass(eq=False)
class CmaArea:
    """The area `name`, pages [start_pfn, end_pfn); its `number` counts the node's areas from 0."""

    name: str
    number: int
    start_pfn: int
    end_pfn: int
    # A bit stands for 2**order_per_bit pages.
    order_per_bit: int = 0
    # One byte for each bit: 1 while a client has its pages, or a call works on them.
    bitmap: bytearray = field(init=False)

    def __post_init__(self) -> None:
        """Starts with nothing taken."""
        self.bitmap = bytearray(self.nr_pages >> self.order_per_bit)

    @property
    def nr_pages(self) -> int:
        """Pages of the area."""
        return self.end_pfn - self.start_pfn

    @property
    def nr_used_pages(self) -> int:
        """Pages whose bit is set."""
        return self.bitmap.count(_USED) << self.order_per_bit

    @property
    def owner(self) -> int:
        """Owner of the pages that a client has."""
        return CMA_OWNER - self.number

    def nr_bits(self, nr_pages: int) -> int:
        """Returns how many bits stand for `nr_pages`, rounded up."""
        return align_up(nr_pages, 1 << self.order_per_bit) >> self.order_per_bit

    def align_mask(self, align_order: int) -> int:
        """Returns the alignment 2**align_order, in bits, less one; 0 when every bit has it."""
        return (1 << max(align_order - self.order_per_bit, 0)) - 1

    def pfn_of(self, bit: int) -> int:
        """Returns the first page that `bit` stands for."""
        return self.start_pfn + (bit << self.order_per_bit)

    def find_clear_bits(self, count: int, *, first: int, align_order: int) -> int:
        """Returns the first bit, from `first` on, of `count` clear ones whose pages are aligned; -1 when none is.

        2**align_order pages are the alignment of the pfn, not of the place within the area.
        """
        mask = self.align_mask(align_order)
        ahead = (self.start_pfn >> self.order_per_bit) & mask
        bit = self.bitmap.find(_FREE, first)
        while bit >= 0:
            bit = align_up(bit + ahead, mask + 1) - ahead
            if bit + count > len(self.bitmap):
                return -1
            in_the_way = self.bitmap.rfind(_USED, bit, bit + count)
            if in_the_way < 0:
                return bit
            bit = self.bitmap.find(_FREE, in_the_way)
        return -1

    def set_bits(self, bit: int, count: int) -> None:
        """Takes `count` bits."""
        self.bitmap[bit : bit + count] = _USED * count

    def clear_bits(self, bit: int, count: int) -> None:
        """Gives `count` bits back."""
        self.bitmap[bit : bit + count] = _FREE * count

    def copy(self) -> "CmaArea":
        """Returns an area of its own that is as this one."""
        area = CmaArea(self.name, self.number, self.start_pfn, self.end_pfn, self.order_per_bit)
        area.bitmap[:] = self.bitmap
        return area


def require_cma_alignment(
    geometry: Geometry, policy: KernelPolicy, *, base: int, size: int, order_per_bit: int
) -> None:
    """Checks the place and the size of an area, in bytes, and what its bits stand for (C-7).

    Raises InvalidValue: EINVAL at declaration.
    """
    alignment = cma_align(geometry, policy)
    unit = f"{policy.cma_align}, as {policy.name} wants it"
    largest = (alignment // geometry.page_size).bit_length() - 1
    if base < 0 or not is_aligned(base, alignment):
        raise InvalidValue(
            "base", base, f"a multiple of {format_size(alignment)} ({unit})", alignment=alignment
        )
    if size <= 0 or not is_aligned(size, alignment):
        accepted = f"a multiple of {format_size(alignment)} ({unit}), above 0"
        raise InvalidValue("size", size, accepted, alignment=alignment)
    if not 0 <= order_per_bit <= largest:
        raise InvalidValue(
            "order_per_bit", order_per_bit, f"0 to {largest}: no bit reaches over the alignment"
        )
