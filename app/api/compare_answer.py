"""The shapes in which a comparison is answered, by media type.

Kept here: what draws pictures is loaded with the first picture, and writes its caches where the service may write.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import to_json

from app.api.compare_csv import as_csv
from app.api.compare_text import as_text
from app.errors import CapacityError

# Names the folder of matplotlib's caches and settings; by default they would lie in the user's home.
_CACHE_VARIABLE = "MPLCONFIGDIR"
Comparison = Mapping[str, Any]


def as_png(comparison: Comparison) -> bytes:
    """Returns the comparison as a picture.

    Raises CapacityError when no temporary file can be written.
    """
    _make_cache_folder()
    from app.api.compare_png import draw  # noqa: PLC0415 - it takes long to load, and few ask for pictures

    return draw(comparison)


def _make_cache_folder() -> None:
    """Gives matplotlib a folder of this process, unless the service's owner names one."""
    if _CACHE_VARIABLE in os.environ:
        return
    try:
        folder = tempfile.mkdtemp(prefix="vmemsim-plots-")
    except OSError as error:
        raise CapacityError(
            f"no picture can be drawn without a temporary folder: {error.strerror}"
        ) from error
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ[_CACHE_VARIABLE] = folder


# The first is answered when the caller has no wish.
RENDERERS: dict[str, Callable[[Comparison], bytes]] = {
    "application/json": to_json,
    "text/plain": lambda comparison: as_text(comparison).encode(),
    "text/csv": lambda comparison: as_csv(comparison).encode(),
    "image/png": as_png,
}
