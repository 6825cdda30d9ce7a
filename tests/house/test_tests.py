"""Tests of the tests: each can fail, says what it shows, and is never skipped without a reason."""

import ast
import re
from collections.abc import Iterator

from tests.house.tree import Finding, Source, broken, functions_of, parse_source, read_sources

# Calls that fail the test when something is wrong, beside `assert` itself.
_ASSERTING_CALL = re.compile(
    r"^(assert_\w+|raises|warns|verify\w*|check\w*|call_and_validate|run_state_machine\w*)$"
)
_SKIPPING_CALL = re.compile(r"^(skip|skipif|xfail|importorskip)$")
FEWEST_WORDS = 3


def find_weak_tests(source: Source) -> Iterator[Finding]:
    """Yields each test that asserts nothing, has no docstring, or whose name says too little."""
    for function in functions_of(source.tree):
        if not function.name.startswith("test_"):
            continue
        if not _asserts(function):
            yield Finding(source.path, function.lineno, f"{function.name} asserts nothing")
        if ast.get_docstring(function) is None:
            yield Finding(source.path, function.lineno, f"{function.name} does not say what it shows")
        if len(function.name.split("_")) <= FEWEST_WORDS:
            yield Finding(
                source.path, function.lineno, f"{function.name}: name act, circumstance and outcome"
            )


def find_unexplained_skips(source: Source) -> Iterator[Finding]:
    """Yields each skip and xfail, as a call or as a mark, that gives no reason."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and _SKIPPING_CALL.match(_called(node)) and not _gives_reason(node):
            yield Finding(source.path, node.lineno, f"{ast.unparse(node)} gives no reason")
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Attribute) and _SKIPPING_CALL.match(decorator.attr):
                    yield Finding(source.path, node.lineno, f"{ast.unparse(decorator)} gives no reason")


def _asserts(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and _ASSERTING_CALL.match(_called(node)))
        for node in ast.walk(function)
    )


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _gives_reason(call: ast.Call) -> bool:
    named = any(keyword.arg == "reason" for keyword in call.keywords)
    return named or (_called(call) == "skip" and bool(call.args))


def test_tests_can_fail_and_say_what_they_show() -> None:
    """Every test asserts, and has a docstring and a telling name."""
    assert broken(find_weak_tests, read_sources("tests")) == ""


def test_skips_give_a_reason() -> None:
    """No test is skipped, or expected to fail, without saying why."""
    assert broken(find_unexplained_skips, read_sources("tests")) == ""


def test_weak_tests_are_found() -> None:
    """A test without assert, docstring and telling name has all three held against it."""
    source = parse_source("tests/test_x.py", "def test_x():\n    pass\n")
    assert len(list(find_weak_tests(source))) == FEWEST_WORDS


def test_unexplained_skips_are_found() -> None:
    """A bare call, a call without reason and a bare mark are found; a reason ends the matter."""
    for text in ("pytest.skip()", "pytest.importorskip('x')", "@pytest.mark.skip\ndef test(): ..."):
        assert list(find_unexplained_skips(parse_source("tests/test_x.py", text))), text
    assert not list(find_unexplained_skips(parse_source("tests/test_x.py", "pytest.skip('no root')")))
