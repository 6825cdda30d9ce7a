"""A machine's proc/ and sys/ files, written from a simulated guest: what clients/capture.py reads with --root.

The guest was filled and freed page by page, so runs of equal pages are as short as on a machine that has been in
use. A larger machine is the same pages several times over.
Left out: files that a capture can do without.
"""

import lzma
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.guest.capture import page_flags as kpf
from app.guest.capture.page_flags import mask
from app.guest.creation import create_guest
from app.guest.guest import Guest
from app.guest.spec import GuestSpec
from app.guest.workload import workload
from app.mm.kernels import walk
from app.mm.page import PageKind

Words = NDArray[np.uint64]

_SEED = 1
_ANON = mask(kpf.KPF_UPTODATE, kpf.KPF_LRU, kpf.KPF_MMAP, kpf.KPF_ANON, kpf.KPF_SWAPBACKED)
_FILE = mask(kpf.KPF_UPTODATE, kpf.KPF_LRU)
_HEAD_FLAGS = {
    PageKind.FREE: mask(kpf.KPF_BUDDY),
    PageKind.ANON: _ANON,
    PageKind.FILE_CLEAN: _FILE,
    PageKind.FILE_DIRTY: _FILE | mask(kpf.KPF_DIRTY),
    PageKind.THP: _ANON | mask(kpf.KPF_THP),
    PageKind.PINNED: _ANON,
    PageKind.UNMOVABLE: mask(kpf.KPF_SLAB),
    PageKind.RECLAIMABLE: mask(kpf.KPF_SLAB),
    PageKind.RESERVED: mask(kpf.KPF_RESERVED),
    PageKind.OFFLINE: mask(kpf.KPF_OFFLINE),
}
# The kernel says these of every page of a run; anything else of its head alone.
_ON_TAILS = mask(kpf.KPF_BUDDY, kpf.KPF_SLAB, kpf.KPF_RESERVED, kpf.KPF_OFFLINE, kpf.KPF_THP)
_NOT_COMPOUND = frozenset({PageKind.FREE, PageKind.RESERVED, PageKind.OFFLINE})
_PROC_TEXTS = ("buddyinfo", "pagetypeinfo", "zoneinfo", "meminfo")
_VERSION = "Linux version 6.1.0-benchmark (nobody@nowhere) #1 SMP\n"


def used_guest(size: int, use: str) -> Guest:
    """Returns a guest of `size` bytes that has been used in the ready-made way `use`."""
    return create_guest(GuestSpec(name="captured", boot_size=size, workload=workload(use), seed=_SEED))


def write_tree(root: Path, guest: Guest, *, nr_copies: int = 1) -> None:
    """Writes the files below `root`; the machine's pages are the guest's, `nr_copies` times."""
    flags, counts = _page_words(guest)
    nr_pages = flags.size * nr_copies
    _write(root / "proc/version", _VERSION)
    _write(root / "proc/cmdline", "\n")
    _write(root / "proc/iomem", f"00000000-{nr_pages * guest.geometry.page_size - 1:08x} : System RAM\n")
    for name in _PROC_TEXTS:
        _write(root / f"proc/{name}", guest.proc(name))
    _write_words(root / "proc/kpageflags", flags, nr_copies)
    _write_words(root / "proc/kpagecount", counts, nr_copies)
    blocks = root / "sys/devices/system/memory"
    _write(blocks / "block_size_bytes", f"{guest.geometry.memory_block_size:x}\n")
    for block in guest.node.memory_blocks.present_ids():
        _write(blocks / f"memory{block}/phys_index", f"{block:08x}\n")
        _write(blocks / f"memory{block}/state", "online\n")
        _write(blocks / f"memory{block}/valid_zones", "Normal\n")


def _page_words(guest: Guest) -> tuple[Words, Words]:
    """Returns the flags and the map count of every page, as the kernel would tell them."""
    nr_pages = guest.node.nr_pages
    runs = np.empty((nr_pages, 3), np.int64)
    runs = runs[: int(walk.collect_runs(guest.node.arrays, 0, nr_pages, runs))]
    first_pfns, kinds, lengths = runs[:, 0], runs[:, 1] & 15, np.int64(1) << (runs[:, 1] >> 4)
    table = np.array([_HEAD_FLAGS.get(PageKind(kind), 0) for kind in range(16)], np.uint64)
    compound = (lengths > 1) & ~np.isin(kinds, [int(kind) for kind in _NOT_COMPOUND])
    heads = table[kinds]
    flags = np.repeat(
        (heads & np.uint64(_ON_TAILS)) | (compound * np.uint64(mask(kpf.KPF_COMPOUND_TAIL))), lengths
    )
    flags[first_pfns] = heads | (compound * np.uint64(mask(kpf.KPF_COMPOUND_HEAD)))
    return _with_aging(flags), (flags & np.uint64(mask(kpf.KPF_MMAP)) != 0).astype(np.uint64)


def _with_aging(flags: Words) -> Words:
    """Marks some pages as referenced or active, here and there: that is what makes real runs short."""
    random = np.random.Generator(np.random.PCG64(_SEED))
    marks = np.zeros(flags.size, np.uint64)
    marks[random.random(flags.size) < 0.05] |= np.uint64(mask(kpf.KPF_REFERENCED))
    marks[np.repeat(random.random(flags.size // 64 + 1) < 0.4, 64)[: flags.size]] |= np.uint64(
        mask(kpf.KPF_ACTIVE)
    )
    is_on_lru = flags & np.uint64(mask(kpf.KPF_LRU)) != 0
    aged: Words = np.where(is_on_lru, flags | marks, flags)
    return aged


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _write_words(path: Path, words: Words, nr_copies: int) -> None:
    """Writes the words; copies are written as one .xz, of as many equal streams."""
    if nr_copies == 1:
        path.write_bytes(words.astype("<u8").tobytes())
        return
    stream = lzma.compress(words.astype("<u8").tobytes(), preset=1)
    with path.with_suffix(".xz").open("wb") as file:
        for _ in range(nr_copies):
            file.write(stream)
