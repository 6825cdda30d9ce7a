"""Where compiled kernels are kept, for those who tell people about it.

Left out: choosing the place (app.mm.kernels._jit).
"""

from app.mm.kernels import _jit


def where_kernels_are_kept() -> str:
    """Returns a phrase: "in <directory>", or that they live in memory only."""
    if not _jit.IS_COMPILED:
        return "nowhere: kernels are interpreted"
    if _jit.CACHE_DIRECTORY is None:
        return "in memory only: no cache directory can be written"
    return f"in {_jit.CACHE_DIRECTORY}"


def is_cache_empty() -> bool:
    """Returns whether kernels are kept on the disk, and none is there yet."""
    directory = _jit.CACHE_DIRECTORY
    return directory is not None and next(directory.rglob("*.nbi"), None) is None
