"""Makes captures, and the proc/ and sys/ trees that captures are made of, for tests and benchmarks.

Written from docs/capture-format.md alone: a second opinion, to test both writer and decoder against.
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

REAL_CAPTURES = Path(__file__).parents[1] / "data" / "captures"
REAL_NAMES = ("5.10-natural_unmovable-half", "6.1-mixed-zero", "6.1-scatter_sparse-half")
PREAMBLE = b"\x89VMEM\r\n\x1a" + struct.pack("<HH", 1, 0)
HEAD = {"tool": "test", "source": "files", "page_size": 4096, "has_counts": True, "architecture": "x86_64"}


class Run(NamedTuple):
    """A run of pages that agree in flags and in count."""

    nr_pages: int
    flags: int
    mapcount: int


def section(tag: bytes, payload: bytes, *, size: int | None = None) -> bytes:
    """Returns a section; `size` is what its header claims, if not the truth."""
    stored = zlib.compress(payload)
    return tag + struct.pack("<II", len(payload) if size is None else size, len(stored)) + stored


def head_section(**members: object) -> bytes:
    """Returns a HEAD section whose members are those given, and HEAD's elsewhere."""
    return section(b"HEAD", json.dumps({**HEAD, **members}).encode())


def runs_section(runs: Iterable[Run]) -> bytes:
    """Returns a RUNS section."""
    rows = list(runs)
    lengths, flags, counts = ([row[column] for row in rows] for column in range(3))
    return section(b"RUNS", struct.pack(f"<{len(rows)}I{len(rows)}Q{len(rows)}H", *lengths, *flags, *counts))


def text_sections(texts: Mapping[str, str]) -> bytes:
    """Returns a TEXT section for each file."""
    return b"".join(section(b"TEXT", f"{name}\n{text}".encode()) for name, text in texts.items())


def end_section(before: bytes, **members: object) -> bytes:
    """Returns the END section that vouches for `before`; `members` overrides what it says."""
    told = {"capture_seconds": None, "sha256": hashlib.sha256(before).hexdigest(), **members}
    return section(b"END ", json.dumps(told).encode())


def zoneinfo_text(nr_pages: int) -> str:
    """Returns the zoneinfo of a machine whose one zone is all its pages."""
    return (
        "Node 0, zone   Normal\n"
        f"  pages free     {nr_pages}\n        min      1\n        low      2\n        high     3\n"
        f"        spanned  {nr_pages}\n        present  {nr_pages}\n        managed  {nr_pages}\n"
        "        protection: (0, 0)\n  pagesets\n    cpu: 0\n              count: 5\n              high:  6\n"
        "    cpu: 1\n              count: 7\n              high:  6\n  start_pfn:           0\n"
    )


def texts_for(nr_pages: int) -> dict[str, str]:
    """Returns the text files that no capture goes without, for a machine of one zone."""
    return {
        "proc/version": "Linux version 6.1.0-test (who@where) #1 SMP",
        "proc/zoneinfo": zoneinfo_text(nr_pages),
        "proc/buddyinfo": "Node 0, zone   Normal      1      0      2 \n",
    }


def capture_file(
    runs: Iterable[Run], *, texts: Mapping[str, str] | None = None, head: Mapping[str, object] | None = None
) -> bytes:
    """Returns a sound capture of `runs`; `texts` and `head` override or add to what it says."""
    rows = list(runs)
    nr_pages = sum(run.nr_pages for run in rows)
    body = PREAMBLE + head_section(**(head or {}))
    body += text_sections({**texts_for(nr_pages), **(texts or {})})
    body += runs_section(rows)
    return body + end_section(body, nr_pages=nr_pages, nr_runs=len(rows))


def expand(runs: Iterable[Run]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Returns flags and counts of each page, as kpageflags and kpagecount hold them."""
    rows = list(runs)
    nr_pages = [run.nr_pages for run in rows]
    flags = np.repeat(np.array([run.flags for run in rows], np.uint64), nr_pages)
    return flags, np.repeat(np.array([run.mapcount for run in rows], np.uint64), nr_pages)


def write_tree(root: Path, runs: Iterable[Run], *, texts: Mapping[str, str] | None = None) -> None:
    """Writes the proc/ and sys/ of a machine whose pages are `runs` below `root`."""
    flags, counts = expand(runs)
    files = {name: text.encode() for name, text in {**texts_for(flags.size), **(texts or {})}.items()}
    files |= {"proc/kpageflags": flags.tobytes(), "proc/kpagecount": counts.tobytes()}
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def big_capture(nr_pages: int, nr_runs: int) -> Iterator[bytes]:
    """Yields the pieces of a capture of `nr_runs` runs, for benchmarks: 24 GiB in a million runs, say."""
    lengths = np.full(nr_runs, nr_pages // nr_runs, np.uint32)
    lengths[-1] += nr_pages - int(lengths.sum())
    flags = np.array([1 << 10, 1 << 5 | 1 << 12, 1 << 7, 1 << 32, 0], np.uint64)[np.arange(nr_runs) * 7 % 5]
    digest = hashlib.sha256()
    before = PREAMBLE + head_section() + text_sections(texts_for(nr_pages))
    for start in range(0, nr_runs, 1 << 16):
        taken = slice(start, start + (1 << 16))
        counts = (flags[taken] >> np.uint64(12) & np.uint64(1)).astype(np.uint16)
        digest.update(before)
        yield before
        before = section(b"RUNS", lengths[taken].tobytes() + flags[taken].tobytes() + counts.tobytes())
    digest.update(before)
    yield before
    yield end_section(b"", nr_pages=nr_pages, nr_runs=nr_runs, sha256=digest.hexdigest())
