"""The one door to numba: what a kernel is, and where its compiled form is kept.

numba's own cache notices an edit of a kernel's file, but not of another file that the kernel calls.
The cache directory is therefore keyed by the text of every kernel file and by the flags that change code.
Left out: which kernels exist (the callers know).
"""

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numba
import numpy as np

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

if TYPE_CHECKING:
    # Widens an element of a narrow array; to the type checker every kernel integer is an int.
    int64: Callable[[object], int]
else:
    int64 = np.int64

_CONFIG: Any = numba.config
IS_COMPILED = not _CONFIG.DISABLE_JIT


def cache_key() -> str:
    """Returns a name that changes whenever compiled code may: kernel sources, numba, Python, bounds checks."""
    text = hashlib.blake2b(digest_size=10)
    for source in sorted(Path(__file__).parent.glob("*.py")):
        text.update(source.name.encode() + b"\0" + source.read_bytes())
    text.update(f"{numba.__version__} {sys.version} {os.environ.get('NUMBA_BOUNDSCHECK', '')}".encode())
    return text.hexdigest()


def _is_writable(directory: Path) -> bool:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return True
    except OSError:
        return False


def _copy_for_this_process(warm: Path) -> Path | None:
    """Copies a read-only warm cache to where numba can open it (it insists on writing); None if nowhere."""
    try:
        copy = Path(tempfile.mkdtemp(prefix="vmemsim-kernels-"))
        shutil.copytree(warm, copy, dirs_exist_ok=True)
    except OSError:
        return None
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    return copy


def cache_directory() -> Path | None:
    """Returns the directory that holds this build's compiled kernels, or None: compile in memory.

    VMEMSIM_KERNEL_CACHE names the parent; else the user's cache directory does.
    """
    named = os.environ.get("VMEMSIM_KERNEL_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - Path.home() raises without a home
    parent = Path(named) if named else Path(home) / "vmemsim"
    directory = parent / f"kernels-{cache_key()}"
    if _is_writable(directory):
        return directory
    return _copy_for_this_process(directory) if directory.is_dir() else None


CACHE_DIRECTORY = cache_directory() if IS_COMPILED else None
if CACHE_DIRECTORY is not None:
    _CONFIG.CACHE_DIR = str(CACHE_DIRECTORY)
# Loops over pages follow heads: nothing in them is a vector, and looking for one took an eighth of the compile time.
_CONFIG.LOOP_VECTORIZE = 0


def _njit(function: Kernel, *, inline: bool, for_python: bool) -> Kernel:
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        # Kernels allocate nothing, and counting references to the node's arrays at every access made them ten
        # times slower.
        "_nrt": False,
        "forceinline": inline,
        # Wrappers that nobody calls through cost compile time: from C, and from Python for inlined kernels.
        "no_cfunc_wrapper": True,
        "no_cpython_wrapper": not for_python,
    }
    # A kernel that Python calls is kept with all that it calls: what only kernels call need not be kept again.
    is_kept = for_python and CACHE_DIRECTORY is not None
    compiled: Kernel = numba.njit(cache=is_kept, **options)(function)
    return compiled


def kernel(function: Kernel) -> Kernel:
    """Compiles `function` at its first call; it runs without the interpreter lock and must not allocate."""
    return _njit(function, inline=False, for_python=True)


def internal(function: Kernel) -> Kernel:
    """A kernel that only kernels call: it needs no wrapper for Python, which is slow to compile."""
    return _njit(function, inline=False, for_python=False)


def inlined(function: Kernel) -> Kernel:
    """A kernel of a few lines that is compiled into its callers, and that only kernels call."""
    return _njit(function, inline=True, for_python=False)


def inlined_kernel(function: Kernel) -> Kernel:
    """A kernel of a few lines that is compiled into its callers, and that Python calls too."""
    return _njit(function, inline=True, for_python=True)
