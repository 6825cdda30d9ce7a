"""Names and door-plates: a file is called what it holds, and says so in its first lines."""

import ast
import re
from collections.abc import Iterator

from tests.house.tree import Finding, Source, broken, parse_source, read_sources

VAGUE_WORDS = frozenset({"util", "helper", "common", "misc", "base", "manager", "core", "handler"})
# The parts of a door-plate, in the order in which they are read. Only the first is needed everywhere.
DOOR_PLATE_PARTS = ("Mirrors ", "Invariants kept here", "Left out")
SHORTEST_DOOR_PLATE_WORDS = 4


def find_vague_names(source: Source) -> Iterator[Finding]:
    """Yields the file if a word of its path says nothing about what it holds."""
    words = re.split(r"[/_.]", source.path.removesuffix(".py"))
    for word in words:
        if word.removesuffix("s") in VAGUE_WORDS:
            yield Finding(source.path, 1, f"{word!r} does not say what lives here")


def find_missing_door_plates(source: Source) -> Iterator[Finding]:
    """Yields the file if its docstring is missing, says nothing, or has its parts out of order."""
    docstring = ast.get_docstring(source.tree)
    if docstring is None:
        yield Finding(source.path, 1, "no door-plate (module docstring)")
        return
    summary = docstring.split("\n\n")[0]
    if len(summary.split()) < SHORTEST_DOOR_PLATE_WORDS:
        yield Finding(source.path, 1, f"the door-plate {summary!r} does not say what lives here")
    found = [docstring.index(part) for part in DOOR_PLATE_PARTS if part in docstring]
    if found != sorted(found):
        yield Finding(source.path, 1, f"door-plate parts out of order; they go {', '.join(DOOR_PLATE_PARTS)}")


def test_files_are_named_after_what_they_hold() -> None:
    """No file is called utils, helpers, common, misc, base, manager, core or handler."""
    assert broken(find_vague_names, read_sources("app", "clients", "tests")) == ""


def test_modules_have_door_plates() -> None:
    """Every module says what lives here; then what it mirrors, keeps, and leaves out."""
    assert broken(find_missing_door_plates, read_sources("app", "clients", "tests")) == ""


def test_vague_names_are_found() -> None:
    """A vague word is found as a file, as a part of a file's name, and as a folder."""
    for path in ("app/utils.py", "app/zone_helper.py", "app/core/zone.py", "clients/_common.py"):
        assert list(find_vague_names(parse_source(path, ""))), path
    assert not list(find_vague_names(parse_source("app/mm/pageblock.py", "")))


def test_missing_door_plates_are_found() -> None:
    """No docstring, a docstring of two words, and parts out of order are found."""
    for text in ("x = 1", '"""Zone module."""', '"""What lives in here.\n\nLeft out: a.\nMirrors b.\n"""'):
        assert list(find_missing_door_plates(parse_source("app/x.py", text))), text
