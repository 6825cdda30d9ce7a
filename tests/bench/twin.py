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

import numpy as np
import numpy.typing as npt

Pfns = npt.NDArray[np.int64]

_SOURCE = Path(__file__).with_name("twin.c")
_INT64 = ctypes.c_int64
_ARRAY = ctypes.POINTER(ctypes.c_int64)


class NoCompilerError(Exception):
    """This machine has no C compiler, so there is no yardstick."""


class CZone:
    """A zone of the C twin; every workload returns the nanoseconds that it took."""

    def __init__(self, nr_pages: int) -> None:
        """Makes a zone of `nr_pages` pages, a multiple of the chunk, all free and movable."""
        self._library = _library()
        self._zone = self._library.twin_new(nr_pages)
        self.nr_pages = nr_pages

    def close(self) -> None:
        """Gives its memory back."""
        self._library.twin_delete(self._zone)

    @property
    def checksum(self) -> int:
        """A fold over every pfn handed out so far, in order."""
        return int(self._library.twin_checksum(self._zone))

    @property
    def nr_free(self) -> int:
        """Free pages, isolated ones not counted."""
        return int(self._library.twin_nr_free(self._zone))

    def pairs(self, nr: int, order: int) -> int:
        """Allocates and frees one page of `order`, `nr` times."""
        return int(self._library.twin_pairs(self._zone, nr, order))

    def churn(self, slots: Pfns, orders: Pfns, held: Pfns, held_orders: Pfns) -> int:
        """Replaces what slot i holds by a new page of order i, for each i; `held` and `held_orders` change in place."""
        arrays = [_pointer(array) for array in (slots, orders, held, held_orders)]
        return int(self._library.twin_churn(self._zone, len(slots), *arrays))

    def fill(self, pfns: Pfns) -> int:
        """Allocates every page at order 0; `pfns` takes them, and needs one element more than there are."""
        return int(self._library.twin_fill(self._zone, _pointer(pfns)))

    def free(self, pfns: Pfns) -> int:
        """Frees these order-0 pages, in this order."""
        return int(self._library.twin_free(self._zone, len(pfns), _pointer(pfns)))

    def migrate(self, start_pfn: int, end_pfn: int) -> int:
        """Isolates the range, moves each used page out of it, and undoes the isolation."""
        return int(self._library.twin_migrate(self._zone, start_pfn, end_pfn))


@cache
def _library() -> ctypes.CDLL:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        msg = "no C compiler (cc, or CC in the environment): the ratios against C are left out"
        raise NoCompilerError(msg)
    with TemporaryDirectory(prefix="vmemsim-twin-") as folder:
        target = Path(folder) / "twin.so"
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", target, _SOURCE], check=True)
        library = ctypes.CDLL(str(target))
    _declare(library)
    return library


def _declare(library: ctypes.CDLL) -> None:
    library.twin_new.argtypes = [_INT64]
    library.twin_new.restype = ctypes.c_void_p
    library.twin_delete.argtypes = [ctypes.c_void_p]
    library.twin_delete.restype = None
    library.twin_checksum.argtypes = [ctypes.c_void_p]
    library.twin_checksum.restype = ctypes.c_uint64
    library.twin_nr_free.argtypes = [ctypes.c_void_p]
    library.twin_nr_free.restype = _INT64
    workloads = {
        "twin_pairs": [_INT64, ctypes.c_int],
        "twin_churn": [_INT64, _ARRAY, _ARRAY, _ARRAY, _ARRAY],
        "twin_fill": [_ARRAY],
        "twin_free": [_INT64, _ARRAY],
        "twin_migrate": [_INT64, _INT64],
    }
    for name, arguments in workloads.items():
        function = getattr(library, name)
        function.argtypes = [ctypes.c_void_p, *arguments]
        function.restype = _INT64


def _pointer(array: Pfns) -> "ctypes._Pointer[ctypes.c_int64]":
    return array.ctypes.data_as(_ARRAY)
