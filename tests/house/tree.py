"""The project's own files, as the house tests read them.

Left out: anything that `make` or a tool makes; only what could be committed is read.
"""

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeVar

ROOT = Path(__file__).resolve().parents[2]
# Folders that hold what people wrote. Dot folders hold what tools made, but for .ci.
_ROOMS = ("app", "clients", "tests", "docs", "docker", ".ci")
_UNREAD = frozenset({"__pycache__", ".hypothesis"})
# Data and generated text: not written by hand, so not held to the rules of prose and code.
_DATA_SUFFIXES = frozenset({".png", ".vmem", ".xz", ".gz", ".npz", ".bin", ".pyc", ".so"})


class Source(NamedTuple):
    """One Python file: its path from the root with forward slashes, its text, and its syntax tree."""

    path: str
    text: str
    tree: ast.Module


class TextFile(NamedTuple):
    """One text file of any kind: its path from the root, and its text."""

    path: str
    text: str


File = TypeVar("File", Source, TextFile)


class Finding(NamedTuple):
    """One broken rule: where, and what is wrong."""

    path: str
    line: int
    wrong: str


def broken(rule: Callable[[File], Iterator[Finding]], files: Iterable[File]) -> str:
    """Returns what `rule` finds in `files`, a line each, so that a failing test shows all of it."""
    findings = [finding for file in files for finding in rule(file)]
    return "\n".join(f"{finding.path}:{finding.line}: {finding.wrong}" for finding in findings)


def parse_source(path: str, text: str) -> Source:
    """Returns a Source made of a string: what the self-tests of the rules feed them."""
    return Source(path, text, ast.parse(text))


@cache
def read_sources(*rooms: str) -> tuple[Source, ...]:
    """Returns every Python file of the named top folders, in path order."""
    paths = sorted(path for room in rooms for path in (ROOT / room).rglob("*.py") if _is_read(path))
    return tuple(parse_source(_name(path), path.read_text(encoding="utf-8")) for path in paths)


@cache
def read_text_files() -> tuple[TextFile, ...]:
    """Returns every text file that people wrote, in path order."""
    at_root = [path for path in ROOT.iterdir() if path.is_file()]
    in_rooms = [path for room in _ROOMS for path in (ROOT / room).rglob("*") if path.is_file()]
    paths = sorted(path for path in at_root + in_rooms if _is_read(path) and _is_text(path))
    return tuple(TextFile(_name(path), path.read_text(encoding="utf-8")) for path in paths)


def functions_of(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yields every function and method of a module, nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def _is_read(path: Path) -> bool:
    return _UNREAD.isdisjoint(path.parts)


def _is_text(path: Path) -> bool:
    return path.suffix not in _DATA_SUFFIXES and path.name != ".coverage"


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
