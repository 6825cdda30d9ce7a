"""A captured machine: what clients/capture.py recorded of a real one, decoded and checked, as numpy arrays.

docs/capture-format.md describes the file. Everything that a damaged or hostile file can cause is InvalidValue, and the
memory that a decoder takes is bounded by CaptureLimits, whatever the file says.
Left out: what the page flags mean for a simulated guest (app.guest.capture).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from app.guest.page_flags import KPF_NOPAGE
from app.guest.proc_text import (
    CapturedMemoryBlock,
    CapturedPageTypes,
    CapturedZone,
    IomemRange,
    ZoneKey,
)

_NOPAGE: Final = np.uint64(1 << KPF_NOPAGE)


@dataclass(frozen=True, kw_only=True)
class CapturedMachine:
    """One machine at one moment (a live one moves while it is read: `capture_seconds` says for how long).

    Run i is the pages [run_start[i], run_start[i + 1]), the last one ends at nr_pages, the first starts at 0;
    neighbours differ in flags or in count.
    """

    page_size: int  # bytes
    nr_pages: int  # pfns [0, nr_pages) were read, holes among them
    run_start: NDArray[np.int64]  # pfn, rising
    run_flags: NDArray[np.uint64]  # KPF_ bits
    run_count: NDArray[np.uint32]  # how often the page is mapped; 65535 stands for more; 0 where unknown
    has_counts: bool  # whether the machine had /proc/kpagecount

    zones: tuple[CapturedZone, ...]
    buddyinfo: Mapping[ZoneKey, tuple[int, ...]]
    pagetypeinfo: CapturedPageTypes | None
    iomem: tuple[IomemRange, ...]
    memory_blocks: tuple[CapturedMemoryBlock, ...]
    memory_block_size: int | None  # bytes; None without memory hotplug
    auto_online_blocks: str | None  # "online_kernel" ...
    meminfo: Mapping[str, int]  # bytes, or counts
    vmstat: Mapping[str, int]
    min_free_kbytes: int | None
    watermark_scale_factor: int | None

    kernel_release: str  # "6.1.0-56-amd64"
    architecture: str  # as uname says: "x86_64"
    cmdline: str  # only the words that concern memory
    is_live: bool  # read from the running machine, not from copied files
    capture_seconds: float
    tool: str  # "capture.py 1.0"

    @property
    def nr_runs(self) -> int:
        """How many runs the arrays hold."""
        return int(self.run_start.size)

    def run_lengths(self) -> NDArray[np.int64]:
        """Pages of each run."""
        return np.diff(self.run_start, append=self.nr_pages)

    def runs_in(
        self, start_pfn: int, end_pfn: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint32]]:
        """Returns start, pages, flags and count of the runs of [start_pfn, end_pfn), cut to it.

        Pages behind nr_pages are left out. Linear in the runs returned.
        """
        end_pfn = min(end_pfn, self.nr_pages)
        start_pfn = max(start_pfn, 0)
        if start_pfn >= end_pfn:
            start_pfn = end_pfn = 0
        first = int(np.searchsorted(self.run_start, start_pfn, side="right")) - 1
        last = int(np.searchsorted(self.run_start, end_pfn, side="left"))
        taken = slice(max(first, 0), last)
        starts = np.maximum(self.run_start[taken], start_pfn)
        return starts, np.diff(starts, append=end_pfn), self.run_flags[taken], self.run_count[taken]

    def flags_of(self, start_pfn: int, end_pfn: int) -> NDArray[np.uint64]:
        """Returns the flags of every page of [start_pfn, end_pfn); behind nr_pages, NOPAGE."""
        _, lengths, flags, _ = self.runs_in(start_pfn, end_pfn)
        pages = np.repeat(flags, lengths)
        return np.pad(pages, (0, max(end_pfn - start_pfn, 0) - pages.size), constant_values=_NOPAGE)

    def counts_of(self, start_pfn: int, end_pfn: int) -> NDArray[np.uint32]:
        """Returns how often every page of [start_pfn, end_pfn) is mapped; behind nr_pages, 0."""
        _, lengths, _, counts = self.runs_in(start_pfn, end_pfn)
        pages = np.repeat(counts, lengths)
        return np.pad(pages, (0, max(end_pfn - start_pfn, 0) - pages.size))


@dataclass(frozen=True, kw_only=True)
class CaptureLimits:
    """What a decoder accepts at most. Its memory peaks near 34 bytes a run, twice the text, and 40 MiB."""

    max_runs: int = 1 << 24
    max_nr_pages: int = 1 << 40  # 4 PiB of 4 KiB pages: what 52 address bits reach
    max_text_bytes: int = 16 << 20  # of all text files together
    page_sizes: frozenset[int] = frozenset({4096, 16384, 65536})


class ByteStream(Protocol):
    """Anything with read(n): a file, a pipe."""

    def read(self, size: int, /) -> bytes:
        """Returns at most `size` bytes, none at the end."""


class CaptureDecoder:
    """Decodes a capture that arrives in pieces of any size."""

    def __init__(self, limits: CaptureLimits | None = None) -> None:
        """Starts before the first byte."""
        raise NotImplementedError

    def feed(self, data: bytes) -> None:
        """Takes the next bytes. Raises InvalidValue as soon as they cannot be part of a sound capture."""
        raise NotImplementedError

    def finish(self) -> CapturedMachine:
        """Returns the machine. Raises InvalidValue when bytes are missing or the parts contradict each other."""
        raise NotImplementedError


def decode_capture(stream: ByteStream, limits: CaptureLimits | None = None) -> CapturedMachine:
    """Decodes a whole capture from `stream`. Raises InvalidValue for every defect."""
    return decode_chunks(iter(lambda: stream.read(1 << 18), b""), limits)


def decode_chunks(chunks: Iterable[bytes] | Iterator[bytes], limits: CaptureLimits | None = None) -> CapturedMachine:
    """Decodes a whole capture from its pieces. Raises InvalidValue for every defect."""
    decoder = CaptureDecoder(limits)
    for chunk in chunks:
        decoder.feed(chunk)
    return decoder.finish()
