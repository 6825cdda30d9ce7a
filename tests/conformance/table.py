"""docs/conformance.md: the rows with the tests that show them.

A test names its rows: `@pytest.mark.row("V-38", "V-43")`.
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from tests.conformance.rows import Row, read_rows

PATH = Path(__file__).parents[2] / "docs" / "conformance.md"

_FOLDER = Path(__file__).parent
_HEAD = """\
# Conformance: what virtio-mem demands, and how vmemsim keeps it

`make conformance` writes this page from `tests/conformance`, where each row has a test of its own; a test holds the
page to them. Rows V-1 to V-53 follow the virtio specification 1.3 (5.15), in our own words and with its levels; the
rows V-Q follow QEMU where it does more than the text.
"""


def find_tests() -> dict[str, list[str]]:
    """Returns for each row id the tests that name it."""
    found: dict[str, list[str]] = {}
    for path in sorted(_FOLDER.glob("test_*.py")):
        module = import_module(f"tests.conformance.{path.stem}")
        for name, test in vars(module).items():
            for mark in getattr(test, "pytestmark", ()):
                if mark.name == "row":
                    for row_id in mark.args:
                        found.setdefault(row_id, []).append(name)
    return found


def describe() -> str:
    """Returns the page."""
    shown = find_tests()
    rows = read_rows()
    return "\n".join([_HEAD, *_table(rows, shown)]) + "\n"


def _table(rows: list[Row], shown: dict[str, list[str]]) -> Iterator[str]:
    yield "| row | who | level | rule | vmemsim | shown by |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for row in rows:
        tests = "<br>".join(f"`{test}`" for test in shown.get(row.id, ()))
        yield f"| {row.id} | {row.who} | {row.level} | {row.rule} | {row.behaviour} | {tests} |"
