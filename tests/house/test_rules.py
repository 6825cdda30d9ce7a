"""The rules' own rules: every exception to a linter's rule says why, and the lock holds what is asked for."""

import re
import tomllib
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT, Finding, TextFile, broken, read_sources

_CODE_IN_TOML = re.compile(r'^\s*"[A-Z]+\d*",(?P<rest>.*)$')
_SILENCER = re.compile(r"#\s*(?:noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|type:\s*ignore\[[\w,-]+\])(?P<rest>.*)$")
_LOCKED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)", re.MULTILINE)


def find_unexplained_exceptions(file: TextFile) -> Iterator[Finding]:
    """Yields each ignored rule, in pyproject.toml or on a line of code, without a reason beside it."""
    pattern = _CODE_IN_TOML if file.path.endswith(".toml") else _SILENCER
    for number, line in enumerate(file.text.splitlines(), start=1):
        silenced = pattern.search(line)
        if silenced and not re.search(r"[a-z]{2,}|as [A-Z]", silenced["rest"]):
            yield Finding(file.path, number, f"no reason given: {line.strip()}")


def find_unlocked(asked: list[str], lock: str) -> list[str]:
    """Returns the requirements that no pinned version of the lock meets."""
    pinned: dict[str, list[str]] = {}
    for match in _LOCKED.finditer(lock):
        pinned.setdefault(canonicalize_name(match["name"]), []).append(match["version"])
    return [text for text in asked if not _is_met(Requirement(text), pinned)]


def find_unhashed(lock: str) -> list[str]:
    """Returns the pinned requirements that carry no hash."""
    entries = re.split(r"\n(?=\S)", lock.strip())
    return [entry for entry in entries if _LOCKED.match(entry) and "--hash=sha256:" not in entry]


def _is_met(requirement: Requirement, pinned: dict[str, list[str]]) -> bool:
    versions = pinned.get(canonicalize_name(requirement.name), [])
    return bool(versions) and all(requirement.specifier.contains(version) for version in versions)


def test_exceptions_to_rules_say_why() -> None:
    """Every ignored lint rule has its reason on the same line, in the configuration and in the code."""
    texts = [TextFile(source.path, source.text) for source in read_sources("app", "clients", "tests")]
    texts.append(TextFile("pyproject.toml", (ROOT / "pyproject.toml").read_text(encoding="utf-8")))
    assert broken(find_unexplained_exceptions, texts) == ""


def test_locks_meet_what_pyproject_asks_for() -> None:
    """requirements.txt pins every dependency, requirements-dev.txt the tools as well, all with hashes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime, tools = project["project"]["dependencies"], project["dependency-groups"]["dev"]
    for name, asked in (("requirements.txt", runtime), ("requirements-dev.txt", runtime + tools)):
        lock = (ROOT / name).read_text(encoding="utf-8")
        assert find_unlocked(asked, lock) == [], f"{name} is stale: run `make lock`"
        assert find_unhashed(lock) == []


def test_unexplained_exceptions_are_found() -> None:
    """A bare code is found in both places; one with a reason is not."""
    silencer = "import os  # no" + "qa: F401"
    assert list(find_unexplained_exceptions(TextFile("pyproject.toml", '    "S101",')))
    assert list(find_unexplained_exceptions(TextFile("x.py", silencer)))
    assert not list(find_unexplained_exceptions(TextFile("x.py", f"{silencer} - for its effect")))


def test_stale_and_unhashed_locks_are_found() -> None:
    """A missing package, a version that is too old, and a pin without hash are found."""
    lock = "a==1.0 \\\n    --hash=sha256:00\nb==2.0\n"
    assert find_unlocked(["a>=1", "b>=3", "c"], lock) == ["b>=3", "c"]
    assert find_unhashed(lock) == ["b==2.0"]
