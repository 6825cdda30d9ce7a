"""Decodes a capture file, as it arrives, into a CapturedMachine.

docs/capture-format.md describes the file. Everything that a damaged or hostile one can cause is InvalidValue,
and the memory taken is bounded by CaptureLimits, whatever the file says.
Left out: the bytes of the container (vmem_file) and the text files in it (proc_text).
"""

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidValue
from app.guest.capture.machine import CapturedMachine, validate_machine
from app.guest.capture.proc_text import (
    parse_block_size,
    parse_buddyinfo,
    parse_iomem,
    parse_meminfo,
    parse_memory_blocks,
    parse_number,
    parse_pagetypeinfo,
    parse_version,
    parse_vmstat,
    parse_zoneinfo,
)
from app.guest.capture.vmem_file import RUN_SIZE, Section, SectionReader, invalid_capture

_Value = TypeVar("_Value")
_MEMORY: Final = "sys/devices/system/memory"
_READ_SIZE = 1 << 18
_LONGEST_NAME, _LONGEST_LINE = 64, 4096


@dataclass(frozen=True, kw_only=True)
class CaptureLimits:
    """What a decoder accepts at most. It takes up to 40 bytes a run, 400 a line of text, and 50 MiB."""

    max_runs: int = 1 << 24
    max_nr_pages: int = 1 << 40  # 4 PiB of 4 KiB pages: what 52 address bits reach
    max_text_bytes: int = 16 << 20  # all text files together
    max_text_lines: int = 1 << 18  # likewise; 1024 processors on 16 nodes make half of that in zoneinfo
    page_sizes: frozenset[int] = frozenset({4096, 16384, 65536})


class ByteStream(Protocol):
    """Anything with read(n): a file, a pipe."""

    def read(self, size: int, /) -> bytes:
        """Returns at most `size` bytes, none at the end."""


def decode_capture(stream: ByteStream, limits: CaptureLimits | None = None) -> CapturedMachine:
    """Decodes a whole capture from `stream`. Raises InvalidValue for every defect."""
    return decode_chunks(iter(lambda: stream.read(_READ_SIZE), b""), limits)


def decode_chunks(chunks: Iterable[bytes], limits: CaptureLimits | None = None) -> CapturedMachine:
    """Decodes a whole capture from its pieces. Raises InvalidValue for every defect."""
    decoder = CaptureDecoder(limits)
    for chunk in chunks:
        decoder.feed(chunk)
    return decoder.finish()


class CaptureDecoder:
    """Decodes a capture that arrives in pieces of any size."""

    def __init__(self, limits: CaptureLimits | None = None) -> None:
        """Starts before the first byte."""
        self._limits = limits or CaptureLimits()
        self._reader = SectionReader()
        self._head: _Head | None = None
        self._capture_seconds: float | None = None
        self._texts: dict[str, str] = {}
        self._text_bytes = self._text_lines = 0
        self._runs = _RunColumns()

    def feed(self, data: bytes) -> None:
        """Takes the next bytes. Raises InvalidValue as soon as no sound capture can begin like this."""
        for section in self._reader.feed(data):
            if (self._head is None) != (section.tag == b"HEAD"):
                raise invalid_capture(f"the HEAD section missing or twice, at byte {section.offset}")
            self._take(section)

    def _take(self, section: Section) -> None:
        match section.tag:
            case b"HEAD":
                self._head = _parse_head(section, self._limits)
            case b"TEXT":
                self._take_text(section)
            case b"RUNS":
                self._runs.take(section)
                self._validate_runs(section)
            case _:
                self._take_end(section)

    def _take_text(self, section: Section) -> None:
        self._text_bytes += len(section.payload)
        if self._text_bytes > self._limits.max_text_bytes:
            raise invalid_capture(f"more than {self._limits.max_text_bytes} bytes of text")
        name, separator, content = section.payload.decode("utf-8", "replace").partition("\n")
        self._text_lines += content.count("\n")
        if self._text_lines > self._limits.max_text_lines:
            raise invalid_capture(f"more than {self._limits.max_text_lines} lines of text")
        if not separator or name in self._texts:
            raise invalid_capture(f"a text without a name, or twice, at byte {section.offset}")
        self._texts[name] = content

    def _validate_runs(self, section: Section) -> None:
        limits = self._limits
        if self._runs.nr_runs > limits.max_runs:
            raise invalid_capture(f"more than {limits.max_runs} runs, at byte {section.offset}")
        if self._runs.nr_pages > limits.max_nr_pages:
            raise invalid_capture(f"more than {limits.max_nr_pages} pages, at byte {section.offset}")

    def _take_end(self, section: Section) -> None:
        members = _parse_json(section)
        found = {
            "nr_pages": self._runs.nr_pages,
            "nr_runs": self._runs.nr_runs,
            "sha256": self._reader.digest(),
        }
        for name, value in found.items():
            if members.get(name) != value:
                raise invalid_capture(f"{name} is {value}, but {members.get(name)!r} in the END section")
        seconds = members.get("capture_seconds")
        if isinstance(seconds, (int, float)) and math.isfinite(seconds) and seconds >= 0:
            self._capture_seconds = float(seconds)
        elif seconds is not None:
            raise invalid_capture(f"capture_seconds is {seconds!r}")

    def finish(self) -> CapturedMachine:
        """Returns the machine. Raises InvalidValue when bytes are missing, or parts contradict each other."""
        self._reader.finish()
        if self._head is None or not self._runs.nr_runs:
            raise invalid_capture("a file without pages")
        texts = _Texts(self._texts)
        run_start, run_flags, run_count = self._runs.merge()
        machine = CapturedMachine(
            page_size=self._head.page_size,
            nr_pages=self._runs.nr_pages,
            run_start=run_start,
            run_flags=run_flags,
            run_count=run_count,
            has_counts=self._head.has_counts,
            zones=texts.need("proc/zoneinfo", parse_zoneinfo),
            buddyinfo=texts.need("proc/buddyinfo", parse_buddyinfo),
            buddyinfo_after=texts.parse("proc/buddyinfo.after", parse_buddyinfo),
            pagetypeinfo=texts.parse("proc/pagetypeinfo", parse_pagetypeinfo),
            iomem=texts.parse("proc/iomem", parse_iomem) or (),
            memory_blocks=texts.parse(_MEMORY, parse_memory_blocks) or (),
            memory_block_size=texts.parse(f"{_MEMORY}/block_size_bytes", parse_block_size),
            auto_online_blocks=texts.parse(f"{_MEMORY}/auto_online_blocks", _one_line),
            meminfo=texts.parse("proc/meminfo", parse_meminfo) or {},
            vmstat=texts.parse("proc/vmstat", parse_vmstat) or {},
            min_free_kbytes=texts.parse("proc/sys/vm/min_free_kbytes", parse_number),
            watermark_scale_factor=texts.parse("proc/sys/vm/watermark_scale_factor", parse_number),
            kernel_release=texts.need("proc/version", parse_version),
            architecture=self._head.architecture,
            cmdline=texts.parse("proc/cmdline", _one_line) or "",
            is_live=self._head.is_live,
            capture_seconds=self._capture_seconds,
            tool=self._head.tool,
        )
        validate_machine(machine)
        return machine


class _Texts:
    """The text files of a capture, by path."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def need(self, path: str, parse: Callable[[str], _Value]) -> _Value:
        """Parses a file that every capture has."""
        if path not in self._texts:
            raise invalid_capture(f"a file without {path}")
        return parse(self._texts[path])

    def parse(self, path: str, parse: Callable[[str], _Value]) -> _Value | None:
        """Parses a file, if the machine had it."""
        return parse(self._texts[path]) if path in self._texts else None


def _one_line(text: str) -> str:
    return text.strip()[:_LONGEST_LINE]


class _Head(NamedTuple):
    """The members of the HEAD section, checked."""

    page_size: int
    has_counts: bool
    is_live: bool
    architecture: str
    tool: str


def _parse_head(section: Section, limits: CaptureLimits) -> _Head:
    members = _parse_json(section)
    page_size, has_counts, source = (members.get(name) for name in ("page_size", "has_counts", "source"))
    if type(page_size) is not int or page_size not in limits.page_sizes:
        sizes = ", ".join(map(str, sorted(limits.page_sizes)))
        raise InvalidValue("capture", f"a machine with pages of {page_size!r} bytes", f"page sizes {sizes}")
    if not isinstance(has_counts, bool) or source not in ("live", "files"):
        raise invalid_capture(f"HEAD with has_counts {has_counts!r} and source {source!r}")
    architecture, tool = (str(members.get(name, ""))[:_LONGEST_NAME] for name in ("architecture", "tool"))
    return _Head(page_size, has_counts, source == "live", architecture, tool)


def _parse_json(section: Section) -> dict[str, object]:
    try:
        members = json.loads(section.payload)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        raise invalid_capture(f"section {section.tag.decode().strip()} is no JSON object")
    return members


class _RunColumns:
    """The runs that have arrived, still as they were stored."""

    def __init__(self) -> None:
        self.nr_runs = 0
        self.nr_pages = 0
        self._sections: list[tuple[NDArray[np.uint32], NDArray[np.uint64], NDArray[np.uint16]]] = []

    def take(self, section: Section) -> None:
        """Takes a RUNS section: a column of lengths in pages, one of flags, one of counts."""
        nr_runs, remainder = divmod(len(section.payload), RUN_SIZE)
        if remainder or not nr_runs:
            raise invalid_capture(f"section RUNS at byte {section.offset} holds no whole number of runs")
        length = np.frombuffer(section.payload, "<u4", nr_runs)
        flags = np.frombuffer(section.payload, "<u8", nr_runs, offset=4 * nr_runs)
        count = np.frombuffer(section.payload, "<u2", nr_runs, offset=12 * nr_runs)
        if not length.all():
            raise invalid_capture(f"section RUNS at byte {section.offset} holds an empty run")
        self.nr_runs += nr_runs
        self.nr_pages += int(length.sum(dtype=np.int64))
        self._sections.append((length, flags, count))

    def merge(self) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint32]]:
        """Gives up all runs, as start, flags and count; neighbours that agree become one."""
        lengths, flags, counts = (np.concatenate(column) for column in zip(*self._sections, strict=True))
        self._sections = []
        start_pfn = np.cumsum(lengths, dtype=np.int64) - lengths
        is_first = np.ones(start_pfn.size, dtype=np.bool_)
        is_first[1:] = (flags[1:] != flags[:-1]) | (counts[1:] != counts[:-1])
        if not is_first.all():
            start_pfn, flags, counts = start_pfn[is_first], flags[is_first], counts[is_first]
        return start_pfn, flags.astype(np.uint64), counts.astype(np.uint32)
