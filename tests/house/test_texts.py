"""Texts: nothing committed belongs to one machine, names a package registry, or is unfinished."""

import re
from collections.abc import Iterator

from tests.house.tree import Finding, TextFile, broken, read_text_files

# Put together here, so that this file passes its own rules.
_MACHINE_FOLDERS = "work|home|root|farm|Users"
_HOSTS = "|".join(
    rf"{name}\.{domain}"
    for name, domain in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("debian", "org/debian"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("crates", "io"),
    )
)
_UNFINISHED = "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"))
RULES = {
    "a path of one machine": re.compile(rf"(?:^|[\s\"'`(=:])/(?:{_MACHINE_FOLDERS})/"),
    "the host of a package registry": re.compile(_HOSTS),
    "an unfinished word": re.compile(rf"\b(?:{_UNFINISHED})\b"),
}


def find_foreign_text(file: TextFile) -> Iterator[Finding]:
    """Yields each line that breaks one of RULES."""
    for number, line in enumerate(file.text.splitlines(), start=1):
        for wrong, pattern in RULES.items():
            if pattern.search(line):
                yield Finding(file.path, number, wrong)


def test_texts_belong_to_no_machine_and_are_finished() -> None:
    """No file names a folder of one machine, a registry's host, or work that is still to do."""
    assert broken(find_foreign_text, read_text_files()) == ""


def test_foreign_text_is_found() -> None:
    """Each rule finds the line that it is for."""
    samples = ("see /ho" + "me/me/x", "index-url = https://py" + "pi.org/simple", "# TO" + "DO: later")
    for sample, wrong in zip(samples, RULES, strict=True):
        assert [finding.wrong for finding in find_foreign_text(TextFile("x", sample))] == [wrong]
    assert list(find_foreign_text(TextFile("x", "GET /v1/guests/a/work/b, $(ROOT)/home/"))) == []
