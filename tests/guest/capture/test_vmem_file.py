"""The container of captures: what arrives in pieces comes out whole, what is damaged is refused at once."""

import struct
import tracemalloc
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidValue
from app.guest.capture.vmem_file import MAX_SECTION_SIZE, Section, SectionReader
from tests.guest.capture_files import PREAMBLE, end_section, section

TEXT = section(b"TEXT", b"a\nb")
WHOLE = PREAMBLE + section(b"HEAD", b"{}") + TEXT + end_section(b"")


def read(*pieces: bytes) -> list[Section]:
    """Returns the sections of a file that arrives in `pieces`."""
    reader = SectionReader()
    sections = [found for piece in pieces for found in reader.feed(piece)]
    reader.finish()
    return sections


def test_sections_come_with_their_place() -> None:
    """Each section is unpacked, and knows where it began."""
    head, text, end = read(WHOLE)
    assert head == Section(b"HEAD", b"{}", 12)
    assert text.payload == b"a\nb"
    assert WHOLE[text.offset : text.offset + 4] == b"TEXT"
    assert end.tag == b"END "


@given(st.lists(st.integers(0, len(WHOLE)), max_size=8))
def test_pieces_of_any_size_give_the_same_sections(cuts: list[int]) -> None:
    """Where the network cuts the file is of no matter."""
    places = [0, *sorted(cuts), len(WHOLE)]
    assert read(*(WHOLE[a:b] for a, b in pairwise(places))) == read(WHOLE)


@pytest.mark.parametrize("size", range(len(WHOLE)))
def test_file_that_is_cut_short_is_refused(size: int) -> None:
    """Whatever is missing at the end is missed."""
    with pytest.raises(InvalidValue, match="cut short"):
        read(WHOLE[:size])


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"PK\x03\x04", "begins with"),
        (WHOLE.replace(b"\r\n", b"\n"), "begins with"),
        (PREAMBLE[:8] + struct.pack("<HH", 2, 0), "format 2"),
        (PREAMBLE[:8] + struct.pack("<HH", 1, 7), "reserved field 7"),
        (PREAMBLE + section(b"WHAT", b""), "unknown section"),
        (WHOLE + b"\0", "behind the END section"),
        (PREAMBLE + section(b"TEXT", b"abc", size=2), "TEXT at byte 12 is corrupt"),
        (PREAMBLE + section(b"TEXT", b"abc", size=4), "TEXT at byte 12 is corrupt"),
        (PREAMBLE + TEXT[:-1] + bytes([TEXT[-1] ^ 1]), "TEXT at byte 12 is corrupt"),
        (PREAMBLE + b"TEXT" + struct.pack("<II", 5, 5) + b"hello", "TEXT at byte 12 is corrupt"),
        (PREAMBLE + b"HEAD" + struct.pack("<II", 4097, 20), "claims 4097 bytes"),
        (PREAMBLE + b"RUNS" + struct.pack("<II", 14, 2000), "stored as 2000"),
    ],
)
def test_file_that_is_damaged_is_refused(data: bytes, wrong: str) -> None:
    """The refusal says what is wrong, and where."""
    with pytest.raises(InvalidValue, match=wrong):
        read(data)


def test_zip_bomb_is_refused_before_it_unpacks() -> None:
    """A section that would unpack to far more than it claims takes no more memory than it claims."""
    bomb = zlib.compress(bytes(1 << 28), 9)
    data = PREAMBLE + b"TEXT" + struct.pack("<II", MAX_SECTION_SIZE, len(bomb)) + bomb
    tracemalloc.start()
    try:
        with pytest.raises(InvalidValue, match="corrupt"):
            read(data)
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_SECTION_SIZE
    finally:
        tracemalloc.stop()


def test_digest_covers_everything_before_the_end() -> None:
    """The digest is that of all bytes but the END section's."""
    reader = SectionReader()
    assert list(reader.feed(PREAMBLE + TEXT))
    before = reader.digest()
    assert list(reader.feed(end_section(b"")))
    assert reader.digest() == before
