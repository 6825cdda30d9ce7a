"""Commands: what the texts tell people to type exists, and each version number is the project's."""

import re
import tomllib
from collections.abc import Iterator

from tests.house.tree import ROOT, Finding, TextFile, broken, read_text_files

# `make check` in backticks, or at the start of a line of an example.
_MAKE = re.compile(r"(?:`|^\s*\$?\s*)make ([a-z-]+)", re.MULTILINE)
_TARGET = re.compile(r"^([a-z-]+):.*##", re.MULTILINE)
_IMAGE_VERSION = re.compile(r"(?:image: vmemsim[a-z-]*:|ARG VERSION=)(\S+)")


def find_unknown_commands(file: TextFile, targets: set[str]) -> Iterator[Finding]:
    """Yields each `make TARGET` of a text that the Makefile's help does not list."""
    for number, line in enumerate(file.text.splitlines(), start=1):
        for target in _MAKE.findall(line):
            if target not in targets:
                yield Finding(file.path, number, f"make {target} does not exist")


def find_foreign_versions(file: TextFile, version: str) -> Iterator[Finding]:
    """Yields each version of an image that is not `version`."""
    for number, line in enumerate(file.text.splitlines(), start=1):
        for found in _IMAGE_VERSION.findall(line):
            if found != version:
                yield Finding(file.path, number, f"version {found}, the project's is {version}")


def _texts() -> list[TextFile]:
    """Returns every text but the house tests, whose samples break the rules on purpose."""
    return [file for file in read_text_files() if not file.path.startswith("tests/house/")]


def _targets() -> set[str]:
    return set(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))


def test_commands_of_the_texts_exist() -> None:
    """Every `make TARGET` in a text, a hint or a comment is a target that `make` lists."""
    targets = _targets()
    assert {"demo", "test", "serve", "check", "bench", "openapi", "lock", "clean"} <= targets
    assert broken(lambda file: find_unknown_commands(file, targets), _texts()) == ""


def test_versions_of_images_are_the_projects() -> None:
    """The image's label and tags carry the version of pyproject.toml."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert broken(lambda file: find_foreign_versions(file, version), _texts()) == ""


def test_unknown_commands_and_versions_are_found() -> None:
    """A target that no longer exists is found, in backticks and in an example; so is an old version."""
    targets = {"test"}
    assert list(find_unknown_commands(TextFile("x.md", "run `make tests` first"), targets))
    assert list(find_unknown_commands(TextFile("x.md", "    make tests"), targets))
    assert not list(find_unknown_commands(TextFile("x.md", "`make test`; and make sure of it"), targets))
    assert list(find_foreign_versions(TextFile("x.yaml", "image: vmemsim-test:0.0.9"), "0.1.0"))
