"""Units of measure: page frame numbers, orders, block ids, and sizes in bytes as people write them.

Mirrors the kernel's and the virtio specification's own words.
Left out: page counts of a particular geometry (app.mm.geometry knows those).
"""

import re
from typing import NewType

from app.errors import InvalidValue

Pfn = NewType("Pfn", int)
Order = NewType("Order", int)
PageblockNr = NewType("PageblockNr", int)
MemoryBlockId = NewType("MemoryBlockId", int)
SubblockId = NewType("SubblockId", int)

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
TIB = 1024 * GIB

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGTP]?)(i?B)?\s*", re.IGNORECASE | re.ASCII)
_FACTORS = {"": 1, "K": KIB, "M": MIB, "G": GIB, "T": TIB, "P": 1024 * TIB}
# Longer digit strings are no sizes, and converting them would cost quadratic time.
_LONGEST_SIZE = 40


def parse_size(text: str, *, field: str = "size") -> int:
    """Returns the bytes that `text` names: "2GiB", "512M", "4096"; all units are powers of 1024.

    Raises InvalidValue, naming `field`, when it is no size or no whole number of bytes.
    """
    match = _SIZE.fullmatch(text) if len(text) <= _LONGEST_SIZE else None
    if match is None:
        raise InvalidValue(field, text[:_LONGEST_SIZE], 'bytes as an integer, or a string such as "2GiB"')
    number, unit = str(match[1]), str(match[2])
    factor = _FACTORS[unit.upper()]
    whole, _, fraction = number.partition(".")
    numerator = int(whole + fraction) * factor
    scale: int = 10 ** len(fraction)
    size, remainder = divmod(numerator, scale)
    if remainder:
        raise InvalidValue(field, text, "a whole number of bytes")
    return size


def format_size(size: int) -> str:
    """Returns `size` bytes in the largest unit that divides it: 2147483648 -> "2 GiB"."""
    for unit in "TGMK":
        factor = _FACTORS[unit]
        if size and size % factor == 0:
            return f"{size // factor} {unit}iB"
    return f"{size} B"


def is_power_of_two(value: int) -> bool:
    """Returns whether `value` is 1, 2, 4, 8 ..."""
    return value > 0 and value & (value - 1) == 0


def is_aligned(value: int, alignment: int) -> bool:
    """Returns whether `value` is a multiple of `alignment`, a power of two."""
    return value & (alignment - 1) == 0


def align_down(value: int, alignment: int) -> int:
    """Returns the largest multiple of `alignment`, a power of two, that does not exceed `value`."""
    return value & -alignment


def align_up(value: int, alignment: int) -> int:
    """Returns the smallest multiple of `alignment`, a power of two, that is not below `value`."""
    return -(-value & -alignment)
