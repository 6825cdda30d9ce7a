"""Sizes in bytes as people write and read them. All units are powers of 1024, as in the service.

Left out: what a device accepts (its block size, its region): only the service knows that.
"""

import re

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
TIB = 1024 * GIB

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGTP]?)(i?B)?\s*", re.IGNORECASE | re.ASCII)
_FACTORS = {"": 1, "K": KIB, "M": MIB, "G": GIB, "T": TIB, "P": 1024 * TIB}
# Longer digit strings are no sizes, and converting them would cost quadratic time.
_LONGEST_SIZE = 40


def parse_size(text: str) -> int:
    """Returns the bytes that `text` names: "2GiB", "512M", "1.5 g", "4096".

    Raises ValueError, in a sentence for people, when it is no size or no whole number of bytes.
    """
    match = _SIZE.fullmatch(text) if len(text) <= _LONGEST_SIZE else None
    if match is None:
        raise ValueError(f'{text[:_LONGEST_SIZE]!r} is no size; write bytes, or a number with a unit: "2GiB"')
    number, unit, _ = match.groups()
    whole, _, fraction = number.partition(".")
    denominator: int = 10 ** len(fraction)
    size, remainder = divmod(int(whole + fraction) * _FACTORS[unit.upper()], denominator)
    if remainder:
        raise ValueError(f"{text.strip()!r} is no whole number of bytes")
    return size


def format_size(size: int) -> str:
    """Returns `size` exactly, in the largest unit that divides it: 2147483648 -> "2 GiB"."""
    for unit in "TGMK":
        factor = _FACTORS[unit]
        if size and size % factor == 0:
            return f"{size // factor} {unit}iB"
    return f"{size} B"


def round_size(size: int) -> str:
    """Returns `size` in three or four digits, for tables: 24776404 KiB -> "23.6 GiB"."""
    for unit in "TGMK":
        factor = _FACTORS[unit]
        if abs(size) >= factor:
            number = f"{size / factor:.4g}" if abs(size) >= 1000 * factor else f"{size / factor:.3g}"
            return f"{number} {unit}iB"
    return f"{size} B"
