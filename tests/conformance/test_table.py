"""The conformance table: no row is missing or empty, no test names a row that is not there, the page is up to date."""

from tests.conformance.rows import read_rows
from tests.conformance.table import PATH, describe, find_tests

IDS = [f"V-{number}" for number in range(1, 54)] + [f"V-Q{number}" for number in range(1, 11)]
LEVELS = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "MAY / SHOULD", "QEMU"}


def test_table_has_every_row_in_order_and_none_is_empty() -> None:
    """53 rows of the specification, 10 of QEMU, each with all its fields."""
    rows = read_rows()
    assert [row.id for row in rows] == IDS
    assert [row.id for row in rows if not all(field.strip() for field in row)] == []
    assert {row.level for row in rows} == LEVELS
    assert {row.who for row in rows} == {"device", "driver", "both"}


def test_table_has_a_test_for_each_row_and_no_other() -> None:
    """A row without a test, and a test of a row that does not exist, are found."""
    assert sorted(find_tests()) == sorted(IDS)


def test_page_on_conformance_is_what_the_tests_say() -> None:
    """`make conformance` was run after the last change."""
    assert PATH.read_text(encoding="utf-8") == describe(), "stale: run `make conformance`"
