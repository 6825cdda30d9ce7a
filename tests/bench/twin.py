"""Compiles twin.c with `cc -O2` and calls it.

Left out: what the workloads mean; twin.c says it.
"""

import ctypes
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tests.bench.subject import Skipped

Pfns = NDArray[np.int64]

_SOURCE = Path(__file__).with_name("twin.c")
_INT64 = ctypes.c_int64
_ARRAY = ctypes.POINTER(ctypes.c_int64)


class CZone:
    """A zone of the C twin; every workload returns the nanoseconds of processor time that it took."""

    def __init__(self, nr_pages: int, *, mark_min: int, mark_low: int) -> None:
        """Makes a zone of `nr_pages` pages, a multiple of the chunk, all free and movable, with these watermarks."""
        self._library = _library()
        self._zone = self._library.twin_new(nr_pages, mark_min, mark_low)
        self.nr_pages = nr_pages

    def __enter__(self) -> Self:
        """Closes the zone at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Gives its memory back."""
        self._library.twin_delete(self._zone)

    @property
    def checksum(self) -> int:
        """A fold over every pfn handed out so far, in order; wraps around as int64."""
        return int(self._library.twin_checksum(self._zone))

    @property
    def nr_free(self) -> int:
        """Free pages, isolated ones not counted."""
        return int(self._library.twin_nr_free(self._zone))

    def heads(self) -> NDArray[np.uint8]:
        """The head byte of every page, by pfn."""
        heads = np.empty(self.nr_pages, np.uint8)
        self._library.twin_heads(self._zone, heads.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)))
        return heads

    def pairs(self, nr: int, order: int) -> int:
        """Allocates and frees one page of `order`, `nr` times."""
        return int(self._library.twin_pairs(self._zone, nr, order))

    def churn(self, slots: Pfns, orders: Pfns, held: Pfns, held_orders: Pfns) -> int:
        """Replaces what slot i holds by a new page of order i, for each i; `held`, `held_orders` change in place."""
        arrays = [_pointer(array) for array in (slots, orders, held, held_orders)]
        return int(self._library.twin_churn(self._zone, len(slots), *arrays))

    def fill(self) -> int:
        """Allocates single pages down to the min watermark."""
        return int(self._library.twin_fill(self._zone))

    def free(self, pfns: Pfns) -> int:
        """Frees the used runs that start at these pfns, in this order."""
        return int(self._library.twin_free(self._zone, len(pfns), _pointer(pfns)))

    def isolate(self, start_pfn: int, end_pfn: int) -> None:
        """Isolates whole chunks."""
        self._library.twin_isolate(self._zone, start_pfn, end_pfn)

    def migrate(self, start_pfn: int, end_pfn: int) -> int:
        """Moves each used run out of an isolated range."""
        return int(self._library.twin_migrate(self._zone, start_pfn, end_pfn))

    def undo_isolate(self, start_pfn: int, end_pfn: int) -> None:
        """Gives isolated pageblocks back as movable ones."""
        self._library.twin_undo_isolate(self._zone, start_pfn, end_pfn)


@cache
def _library() -> ctypes.CDLL:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        msg = "no C compiler (cc, or CC in the environment): the ratios against C are left out"
        raise Skipped(msg)
    with TemporaryDirectory(prefix="vmemsim-twin-") as folder:
        target = Path(folder) / "twin.so"
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", target, _SOURCE], check=True)
        library = ctypes.CDLL(str(target))
    _declare(library)
    return library


def _declare(library: ctypes.CDLL) -> None:
    """Tells ctypes the types; every function but twin_new takes a zone first, and answers int64 unless said so."""
    functions: dict[str, list[Any]] = {
        "twin_delete": [],
        "twin_checksum": [],
        "twin_nr_free": [],
        "twin_heads": [ctypes.POINTER(ctypes.c_uint8)],
        "twin_pairs": [_INT64, ctypes.c_int],
        "twin_churn": [_INT64, _ARRAY, _ARRAY, _ARRAY, _ARRAY],
        "twin_fill": [],
        "twin_free": [_INT64, _ARRAY],
        "twin_isolate": [_INT64, _INT64],
        "twin_migrate": [_INT64, _INT64],
        "twin_undo_isolate": [_INT64, _INT64],
    }
    for name, arguments in functions.items():
        function = getattr(library, name)
        function.argtypes = [ctypes.c_void_p, *arguments]
        function.restype = _INT64
    library.twin_new.argtypes = [_INT64, _INT64, _INT64]
    library.twin_new.restype = ctypes.c_void_p


def _pointer(array: Pfns) -> "ctypes._Pointer[ctypes.c_int64]":
    return array.ctypes.data_as(_ARRAY)
