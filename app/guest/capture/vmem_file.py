"""Takes a .vmem file apart into its sections, as it arrives, in bounded memory.

docs/capture-format.md describes the file; clients/capture.py writes it.
Kept here: a section is unpacked only up to the size that its kind may have, so that no file, however small,
makes the reader take more than a few times MAX_SECTION_SIZE; what is wrong with the bytes is InvalidValue.
Left out: what the sections mean (app.guest.capture.decoder).
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from app.errors import InvalidValue

FORMAT_VERSION: Final = 1
RUN_SIZE: Final = 14  # bytes: 4 for the length, 8 for the flags, 2 for the count
SECTION_NR_RUNS: Final = 1 << 16

_MAGIC = b"\x89VMEM\r\n\x1a"
_PREAMBLE = struct.Struct("<8sHH")  # magic, version, reserved
_HEADER = struct.Struct("<4sII")  # tag, size, size as stored
_MAX_SIZES = {
    b"HEAD": 4096,
    b"TEXT": (8 << 20) + 256,
    b"RUNS": RUN_SIZE * SECTION_NR_RUNS,
    b"END ": 4096,
}
MAX_SECTION_SIZE: Final = max(_MAX_SIZES.values())
_PIECE = 1 << 20


class Section(NamedTuple):
    """One section, unpacked. `offset` is where it starts in the file, for messages."""

    tag: bytes
    payload: bytes
    offset: int


def invalid_capture(found: str) -> InvalidValue:
    """Returns the error that says what was found where a sound capture has something else."""
    return InvalidValue(
        "capture", found, f"a whole .vmem file of format {FORMAT_VERSION}, as capture.py writes it"
    )


class SectionReader:
    """Cuts the bytes that are fed to it into sections."""

    def __init__(self) -> None:
        """Starts before the first byte."""
        self._buffer = bytearray()
        self._offset = 0  # in the file, of the buffer's first byte
        self._digest = hashlib.sha256()
        self._has_preamble = False
        self.is_at_end = False

    def feed(self, data: bytes) -> Iterator[Section]:
        """Yields the sections that `data` completes. Raises InvalidValue as soon as the bytes are wrong."""
        for start in range(0, len(data), _PIECE):
            self._buffer += data[start : start + _PIECE]
            yield from self._complete_sections()

    def digest(self) -> str:
        """Returns the SHA-256 of everything before the END section, in hexadecimal."""
        return self._digest.hexdigest()

    def finish(self) -> None:
        """Raises InvalidValue unless the file has ended with its END section."""
        if not self.is_at_end:
            total = self._offset + len(self._buffer)
            raise invalid_capture(f"cut short: {total} bytes, and no END section")

    def _complete_sections(self) -> Iterator[Section]:
        if not self._has_preamble and not self._take_preamble():
            return
        while self._buffer:
            if self.is_at_end:
                raise invalid_capture(f"bytes behind the END section, at byte {self._offset}")
            if len(self._buffer) < _HEADER.size:
                return
            tag, size, stored_size = _HEADER.unpack_from(self._buffer)
            self._validate_header(tag, size, stored_size)
            if len(self._buffer) < _HEADER.size + stored_size:
                return
            yield self._take_section(tag, size, stored_size)

    def _take_preamble(self) -> bool:
        """Takes the preamble off the buffer, if it is there as a whole."""
        if not _MAGIC.startswith(self._buffer[: len(_MAGIC)]):
            raise invalid_capture(f"a file that begins with {bytes(self._buffer[: len(_MAGIC)])!r}")
        if len(self._buffer) < _PREAMBLE.size:
            return False
        _, version, reserved = _PREAMBLE.unpack_from(self._buffer)
        if version != FORMAT_VERSION or reserved:
            raise invalid_capture(f"a capture of format {version} (reserved field {reserved})")
        self._has_preamble = True
        self._drop(_PREAMBLE.size)
        return True

    def _validate_header(self, tag: bytes, size: int, stored_size: int) -> None:
        """Raises InvalidValue for a section that no capture has, before it is waited for and unpacked."""
        limit = _MAX_SIZES.get(tag)
        if limit is None:
            raise invalid_capture(f"an unknown section {tag!r} at byte {self._offset}")
        # What zlib cannot pack grows by 5 bytes in 16 KiB, and 6 more.
        if size > limit or stored_size > size + (size >> 10) + 64:
            where = f"section {_name(tag)} at byte {self._offset}"
            raise invalid_capture(
                f"{where} claims {size} bytes, stored as {stored_size}; the limit is {limit}"
            )

    def _take_section(self, tag: bytes, size: int, stored_size: int) -> Section:
        offset = self._offset
        stored = bytes(self._buffer[_HEADER.size : _HEADER.size + stored_size])
        payload = _unpack(stored, size)
        if payload is None:
            raise invalid_capture(f"section {_name(tag)} at byte {offset} is corrupt")
        self.is_at_end = tag == b"END "
        self._drop(_HEADER.size + stored_size)
        return Section(tag, payload, offset)

    def _drop(self, size: int) -> None:
        """Takes bytes off the buffer, and into the digest unless they are the END section."""
        if not self.is_at_end:
            self._digest.update(self._buffer[:size])
        del self._buffer[:size]
        self._offset += size


def _unpack(stored: bytes, size: int) -> bytes | None:
    """Returns the `size` bytes that are stored; None if they are not, or more, or their checksum is wrong."""
    unpacker = zlib.decompressobj()
    try:
        payload = unpacker.decompress(stored, size + 1)
    except zlib.error:
        return None
    return payload if len(payload) == size and unpacker.eof and not unpacker.unused_data else None


def _name(tag: bytes) -> str:
    return tag.decode("ascii", "replace").strip()
