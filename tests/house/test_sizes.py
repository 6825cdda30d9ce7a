"""Sizes: how long a file and a function may be, how many arguments it takes, and how deep it nests.

The numbers are those of ARCHITECTURE.md, "Sizes".
"""

import ast
import re
from collections.abc import Iterator
from statistics import median, quantiles

from tests.house.tree import Finding, Source, broken, functions_of, parse_source, read_sources

FILE_LIMIT = 400
FUNCTION_LIMIT = 50
KERNEL_LIMIT = 70
MEDIAN_LIMIT = 8
NINTH_DECILE_LIMIT = 30
KERNEL_ARGUMENTS = 10
# Two arguments of one type can be told apart by their order; from the third on, the caller says the name.
SAME_TYPE_POSITIONAL = 2
NESTING_LIMIT = 3

_COMPOUND = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.TryStar,
    ast.Match,
)
_FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def function_length(function: _FunctionNode) -> int:
    """Returns the lines from `def` to the end, the docstring not counted."""
    docstring = ast.get_docstring(function, clean=False)
    documented = docstring.count("\n") + 1 if docstring is not None else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - documented


def find_long(source: Source) -> Iterator[Finding]:
    """Yields the file if it is too long, and each function that is."""
    lines = source.text.count("\n")
    if lines > FILE_LIMIT:
        yield Finding(source.path, 1, f"{lines} lines, the limit is {FILE_LIMIT}")
    limit = KERNEL_LIMIT if _is_kernel(source) else FUNCTION_LIMIT
    for function in functions_of(source.tree):
        length = function_length(function)
        if length > limit:
            yield Finding(
                source.path, function.lineno, f"{function.name}: {length} lines, the limit is {limit}"
            )


def find_crowded(source: Source) -> Iterator[Finding]:
    """Yields each function whose arguments a caller would mix up: too many of one type by position."""
    for function in functions_of(source.tree):
        arguments = function.args.posonlyargs + function.args.args
        if _is_kernel(source):
            if len(arguments) > KERNEL_ARGUMENTS:
                yield Finding(source.path, function.lineno, f"{function.name}: {len(arguments)} arguments")
            continue
        types = [ast.unparse(argument.annotation) for argument in _singled(arguments) if argument.annotation]
        for type_name in sorted(set(types)):
            count = types.count(type_name)
            if count > SAME_TYPE_POSITIONAL:
                wrong = f"{function.name}: {count} positional arguments of type {type_name}"
                yield Finding(source.path, function.lineno, wrong)


def find_deep(source: Source) -> Iterator[Finding]:
    """Yields each function that nests deeper than the limit; elif is no deeper than its if."""
    for function in functions_of(source.tree):
        depth = _nesting(function.body)
        if depth > NESTING_LIMIT:
            yield Finding(source.path, function.lineno, f"{function.name}: nested {depth} deep")


def _singled(arguments: list[ast.arg]) -> list[ast.arg]:
    """Leaves out the ends of ranges: [start_x, end_x) is always given in that order, and counts once."""
    names = {argument.arg for argument in arguments}
    return [argument for argument in arguments if _start_of(argument.arg) not in names]


def _start_of(name: str) -> str | None:
    return "start" + name.removeprefix("end") if re.match(r"end(_|$)", name) else None


def _is_kernel(source: Source) -> bool:
    return source.path.startswith("app/mm/kernels/")


def _nesting(statements: list[ast.stmt]) -> int:
    return max((_nesting_of(statement) for statement in statements), default=0)


def _nesting_of(statement: ast.stmt) -> int:
    if not isinstance(statement, _COMPOUND):
        return 0
    deepest = 1
    for field in ("body", "orelse", "finalbody"):
        inner = getattr(statement, field, [])
        is_elif = field == "orelse" and len(inner) == 1 and isinstance(inner[0], ast.If)
        deepest = max(deepest, _nesting(inner) + (0 if is_elif else 1))
    for branch in [*getattr(statement, "handlers", []), *getattr(statement, "cases", [])]:
        deepest = max(deepest, _nesting(branch.body) + 1)
    return deepest


def test_files_and_functions_stay_within_their_limits() -> None:
    """No file exceeds 400 lines, no function 50, no kernel 70."""
    assert broken(find_long, read_sources("app", "clients", "tests")) == ""


def test_arguments_of_one_type_go_by_name() -> None:
    """More than two arguments of one type are keyword-only; a kernel takes at most ten."""
    assert broken(find_crowded, read_sources("app", "clients")) == ""


def test_functions_nest_three_deep_at_most() -> None:
    """Four levels of if, for, with and try are two functions."""
    assert broken(find_deep, read_sources("app", "clients")) == ""


def test_most_functions_are_short() -> None:
    """Half of all functions have at most 8 lines, nine in ten at most 30."""
    sources = read_sources("app", "clients")
    lengths = [function_length(function) for source in sources for function in functions_of(source.tree)]
    assert median(lengths) <= MEDIAN_LIMIT
    assert quantiles(lengths, n=10)[-1] <= NINTH_DECILE_LIMIT


def test_long_file_and_function_are_found() -> None:
    """A file of 401 lines is found, and a function of 51 lines whose docstring would not count."""
    body = "    x = 1\n" * FUNCTION_LIMIT
    source = parse_source("app/x.py", f'def long():\n    """One.\n\n    Two.\n    """\n{body}' + "\n" * 400)
    assert [finding.line for finding in find_long(source)] == [1, 1]
    assert list(find_long(parse_source("app/mm/kernels/x.py", f"def long():\n{body}"))) == []


def test_crowded_arguments_are_found() -> None:
    """Three integers by position are found, a third by name is not; a range counts once; a kernel has ten."""
    assert list(find_crowded(parse_source("app/x.py", "def f(a: int, b: int, c: int): ...")))
    assert not list(find_crowded(parse_source("app/x.py", "def f(a: int, b: int, *, c: int): ...")))
    assert not list(
        find_crowded(parse_source("app/x.py", "def f(start_pfn: int, end_pfn: int, c: int): ..."))
    )
    assert list(find_crowded(parse_source("app/x.py", "def f(a: int, end_pfn: int, c: int): ...")))
    eleven = ", ".join(f"a{number}" for number in range(11))
    assert list(find_crowded(parse_source("app/mm/kernels/x.py", f"def f({eleven}): ...")))


def test_deep_nesting_is_found() -> None:
    """Four levels are found, in an except branch too; a chain of elif is one level."""
    deep = "def f():\n if a:\n  for b in c:\n   try:\n    pass\n   except E:\n    if d:\n     pass\n"
    flat = "def f():\n if a:\n  pass\n elif b:\n  pass\n elif c:\n  pass\n elif d:\n  pass\n else:\n  pass\n"
    assert [finding.wrong for finding in find_deep(parse_source("app/x.py", deep))] == ["f: nested 4 deep"]
    assert list(find_deep(parse_source("app/x.py", flat))) == []
