"""Where a device's memory lies and in which blocks: fixed for its life, and validated in one place.

Mirrors QEMU's property checks (V-Q6) and the specification's alignment laws (V-7 to V-9).
Left out: which memory backs the region, but for the size of its pages.
"""

from dataclasses import dataclass

from app.errors import InvalidValue
from app.units import KIB, MIB, align_up, is_aligned, is_power_of_two

SMALLEST_BLOCK_SIZE = 1 * MIB
DEFAULT_BLOCK_SIZE = 2 * MIB
# V-Q3: twice the largest common guest memory block: 2 x 128 MiB on x86-64 and s390x, 2 x 512 MiB on ARM.
EXTENT_X86 = 256 * MIB
EXTENT_ARM = 1024 * MIB
# 128 TiB, half of a 48-bit address space; bounds the bitmap to 128 MiB of untouched memory.
_LARGEST_REGION_SIZE = 1 << 47


@dataclass(frozen=True, slots=True)
class DeviceRegion:
    """The immutable half of the config space, in bytes; `extent`: how far usable runs ahead of requested."""

    addr: int
    region_size: int
    block_size: int = DEFAULT_BLOCK_SIZE
    node_id: int = 0
    extent: int = EXTENT_X86
    # Page size of the host's memory behind the region: more than 4 KiB for hugetlb.
    backing_page_size: int = 4 * KIB

    @property
    def end(self) -> int:
        """The address behind the region."""
        return self.addr + self.region_size

    @property
    def nr_blocks(self) -> int:
        """How many device blocks the region holds."""
        return self.region_size // self.block_size

    def usable_size(self, requested_size: int) -> int:
        """Returns the usable prefix that a target of `requested_size` opens: 0 for 0 (V-Q3)."""
        if requested_size == 0:
            return 0
        return min(self.region_size, align_up(requested_size + self.extent, self.block_size))

    def validate(self) -> None:
        """Checks the laws of V-Q6, V-8 and V-9.

        Raises InvalidValue for the first one that is broken.
        """
        block_size = self.block_size
        if not is_power_of_two(self.backing_page_size):
            raise InvalidValue("backing_page_size", self.backing_page_size, "a power of two")
        smallest = max(SMALLEST_BLOCK_SIZE, self.backing_page_size)
        if not (is_power_of_two(block_size) and block_size >= smallest):
            accepted = f"a power of two of at least {smallest} bytes"
            raise InvalidValue("block_size", block_size, accepted)
        if not (0 <= self.region_size <= _LARGEST_REGION_SIZE and is_aligned(self.region_size, block_size)):
            accepted = f"a multiple of block_size ({block_size}) from 0 to {_LARGEST_REGION_SIZE}"
            raise InvalidValue("size", self.region_size, accepted, block_size=block_size)
        if not (self.addr >= 0 and is_aligned(self.addr, block_size)):
            raise InvalidValue("addr", self.addr, f"a multiple of block_size ({block_size}), 0 or more")
        if self.extent < 0:
            raise InvalidValue("extent", self.extent, "0 bytes or more")

    def validate_change(self, size: int, *, largest: int) -> None:
        """Raises InvalidValue unless a target can rise or fall by `size` bytes, of which `largest` are there."""
        if not 0 < size <= largest or size % self.block_size:
            accepted = f"a multiple of block_size ({self.block_size}) above 0, at most {largest}"
            raise InvalidValue("size", size, accepted, block_size=self.block_size)

    def validate_requested_size(self, requested_size: int, *, field: str = "requested_size") -> None:
        """Checks a target as QEMU does, multiple first (V-Q5); field: what the caller calls it.

        Raises InvalidValue.
        """
        block_size = self.block_size
        members: dict[str, object] = {"block_size": block_size, "region_size": self.region_size}
        if requested_size < 0 or not is_aligned(requested_size, block_size):
            accepted = f"a multiple of block_size ({block_size}), 0 or more"
            raise InvalidValue(field, requested_size, accepted, **members)
        if requested_size > self.region_size:
            accepted = f"at most the device's size ({self.region_size})"
            raise InvalidValue(field, requested_size, accepted, **members)
