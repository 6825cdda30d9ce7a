"""A mark for tests of kernels that only kernels call: compiled, Python has no way to call them.

Left out: the marker `interpreted`, which pyproject.toml declares.
"""

import pytest

from app.mm.kernels._jit import IS_COMPILED

only_interpreted = pytest.mark.skipif(
    IS_COMPILED, reason="compiled, this kernel can be called by kernels only"
)
