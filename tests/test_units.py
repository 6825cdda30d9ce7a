"""Sizes as people write them, and alignment."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import units
from app.errors import InvalidValue
from app.units import (
    GIB,
    KIB,
    MIB,
    TIB,
    align_down,
    align_up,
    format_size,
    is_aligned,
    is_power_of_two,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("4096 B", 4096),
        ("1KiB", KIB),
        ("2GiB", 2 * GIB),
        ("2g", 2 * GIB),
        (" 1.5 MiB ", 3 * MIB // 2),
        ("512M", 512 * MIB),
        ("1TB", TIB),
        ("1P", 1024 * TIB),
    ],
)
def test_parse_size_takes_what_people_write(text: str, size: int) -> None:
    """Units are powers of 1024, however they are spelled; a fraction may make whole bytes."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "GiB", "-1", "1 2", "1e3", "0x10", "1.5", "0.3KiB", "1XiB", "9" * 41, "nan", "1\u212a"]
)
def test_parse_size_refuses_what_is_no_size(text: str) -> None:
    """The error names the field and says what would be accepted, whatever the length of the text."""
    with pytest.raises(InvalidValue) as refused:
        parse_size(text, field="boot_size")
    assert refused.value.members["field"] == "boot_size"
    assert len(str(refused.value.members["value"])) <= 40


@given(st.integers(0, 2**60))
def test_format_size_is_read_back(size: int) -> None:
    """What is shown is exact."""
    assert parse_size(format_size(size)) == size


def test_format_size_takes_the_largest_unit_that_divides() -> None:
    """No number is rounded."""
    assert [format_size(size) for size in (0, 1, 3 * KIB, 2 * GIB, GIB + 1)] == [
        "0 B",
        "1 B",
        "3 KiB",
        "2 GiB",
        "1073741825 B",
    ]


@given(st.integers(0, 2**62), st.integers(0, 40))
def test_alignment_agrees_with_division(value: int, order: int) -> None:
    """Bit tricks and arithmetic say the same."""
    unit = 2**order
    assert align_down(value, unit) == value // unit * unit
    assert align_up(value, unit) == -(-value // unit) * unit
    assert is_aligned(value, unit) == (value % unit == 0)


def test_is_power_of_two_knows_its_powers() -> None:
    """Zero and negative numbers are none."""
    assert [value for value in range(-4, 20) if is_power_of_two(value)] == [1, 2, 4, 8, 16]


def test_units_are_powers_of_1024() -> None:
    """Each is 1024 of the one before."""
    sizes = (units.KIB, units.MIB, units.GIB, units.TIB)
    assert [larger // smaller for smaller, larger in pairwise(sizes)] == [1024] * 3
