"""Sizes, as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.sizes import GIB, KIB, MIB, TIB, format_size, parse_size, round_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("4096B", 4096),
        ("1k", KIB),
        ("128MiB", 128 * MIB),
        ("128 MB", 128 * MIB),
        (" 2G ", 2 * GIB),
        ("1.5GiB", 3 * GIB // 2),
        ("3TiB", 3 * TIB),
        ("1P", 1024 * TIB),
    ],
)
def test_parse_size_reads_what_people_write(text: str, size: int) -> None:
    """Units are powers of 1024, upper or lower case, with or without a space."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "much", "-1", "2XB", "1e9", "0x10", "1.0000001", "٣G", "9" * 41, "1,5G"]
)
def test_parse_size_refuses_what_is_no_size(text: str) -> None:
    """Signs, unknown units, other scripts' digits, endless digits and broken bytes are refused."""
    with pytest.raises(ValueError, match=r"is no (size|whole number)"):
        parse_size(text)


@given(st.integers(0, 2**60))
def test_format_size_is_read_back_exactly(size: int) -> None:
    """What is printed names exactly the bytes that were meant."""
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1000, "1000 B"),
        (870 * MIB, "870 MiB"),
        (24776404 * KIB, "23.6 GiB"),
        (1023 * MIB, "1023 MiB"),
        (5 * GIB, "5 GiB"),
        (2000 * TIB, "2000 TiB"),
    ],
)
def test_round_size_keeps_three_or_four_digits(size: int, text: str) -> None:
    """A table shows sizes short."""
    assert round_size(size) == text
