"""Kernels: what means one thing compiled and another interpreted is not written."""

import ast
from collections.abc import Iterator

from tests.house.tree import Finding, Source, broken, parse_source, read_sources


def find_literal_shifts(source: Source) -> Iterator[Finding]:
    """Yields each `1 << x`: with a uint8 x of 9 it is 512 compiled, and 0 without a warning interpreted."""
    for node in ast.walk(source.tree):
        match node:
            case ast.BinOp(left=ast.Constant(), op=ast.LShift(), right=ast.Constant()):
                continue
            case ast.BinOp(left=ast.Constant(), op=ast.LShift()):
                yield Finding(
                    source.path, node.lineno, f"{ast.unparse(node)}: widen first, np.int64(1) << order"
                )


def test_kernels_shift_no_literal() -> None:
    """Every shifted one in a kernel is an int64 first."""
    sources = [source for source in read_sources("app") if source.path.startswith("app/mm/kernels/")]
    assert sources
    assert broken(find_literal_shifts, sources) == ""


def test_literal_shifts_are_found() -> None:
    """`1 << order` is found; a widened one and a constant are not."""
    assert list(find_literal_shifts(parse_source("app/mm/kernels/x.py", "y = 1 << order")))
    assert not list(find_literal_shifts(parse_source("app/mm/kernels/x.py", "y = np.int64(1) << order")))
    assert not list(find_literal_shifts(parse_source("app/mm/kernels/x.py", "Y = 1 << 4")))
