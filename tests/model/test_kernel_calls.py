"""Kernels that only kernels call: compiled without a wrapper for Python, they crash the process that calls them."""

import ast
from collections.abc import Iterator

from tests.house.tree import Finding, Source, broken, parse_source, read_sources

KERNELS = "app.mm.kernels"
# Decorators of app.mm.kernels._jit that make no wrapper for Python.
UNWRAPPED = frozenset({"internal", "inlined"})


def unwrapped_names(sources: tuple[Source, ...]) -> frozenset[str]:
    """Returns "module.function" of every kernel without a wrapper for Python."""
    return frozenset(
        f"{source.path.rpartition('/')[2].removesuffix('.py')}.{node.name}"
        for source in sources
        if source.path.startswith("app/mm/kernels/")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef) and not UNWRAPPED.isdisjoint(_decorators(node))
    )


def find_unwrapped_calls(source: Source, names: frozenset[str]) -> Iterator[Finding]:
    """Yields each use of such a kernel outside the kernels' room; tests that interpret it may."""
    modules: dict[str, str] = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(KERNELS):
            inside = (node.module or "").removeprefix(KERNELS).strip(".")
            for alias in node.names:
                if f"{inside}.{alias.name}" in names:
                    yield Finding(source.path, node.lineno, f"imports {alias.name}, which only kernels call")
                modules[alias.asname or alias.name] = alias.name
    allowed = _lines_of_interpreted_tests(source)
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.lineno not in allowed
        ):
            name = f"{modules.get(node.value.id, '')}.{node.attr}"
            if name in names:
                yield Finding(source.path, node.lineno, f"calls {name}, which only kernels call")


def _decorators(function: ast.FunctionDef) -> set[str]:
    return {node.id for node in function.decorator_list if isinstance(node, ast.Name)}


def _lines_of_interpreted_tests(source: Source) -> set[int]:
    return {
        line
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef) and "only_interpreted" in _decorators(node)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def test_python_calls_wrapped_kernels_only() -> None:
    """Neither the simulator nor a test calls a kernel that would take the process with it."""
    sources = read_sources("app", "tests")
    names = unwrapped_names(sources)
    assert len(names) > 10
    # The benchmarks have kernels of their own.
    rooms = ("app/mm/kernels/", "tests/bench/")
    outside = [source for source in sources if not source.path.startswith(rooms)]
    assert broken(lambda source: find_unwrapped_calls(source, names), outside) == ""


def test_unwrapped_calls_are_found() -> None:
    """An import and a call through the module are found; one in a test that interprets it is not."""
    names = frozenset({"layout.span"})
    for text in (
        "from app.mm.kernels.layout import span",
        "from app.mm.kernels import layout\nlayout.span(3)",
        "from app.mm.kernels import layout as pages\npages.span(3)",
    ):
        assert list(find_unwrapped_calls(parse_source("app/x.py", text), names)), text
    for text in (
        "from app.mm.kernels import layout\nlayout.head_at(3)",
        "from app.mm.kernels import layout\n@only_interpreted\ndef test():\n    layout.span(3)",
    ):
        assert not list(find_unwrapped_calls(parse_source("app/x.py", text), names)), text
