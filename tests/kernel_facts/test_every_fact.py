"""Acceptance: every fact agrees, or it is known why it does not.

The facts' names come from docs/kernel-facts.md, so that to collect these tests no guest has to run.
"""

from functools import cache

import pytest

from tests.kernel_facts.disagreements import explained_ids
from tests.kernel_facts.document import PATH, describe, read_ids
from tests.kernel_facts.everything import all_rows
from tests.kernel_facts.facts import Row, Verdict

IDS = read_ids(PATH.read_text(encoding="utf-8"))
FEWEST_FACTS = 1000
LOWEST_SHARE = 0.97


@cache
def rows_by_id() -> dict[str, Row]:
    """Returns all rows by their names."""
    return {row.id: row for row in all_rows()}


@pytest.mark.parametrize("name", IDS)
def test_fact_agrees_or_says_why_not(name: str) -> None:
    """Real and simulated are equal, or within the row's slack; a row that disagrees has a reason."""
    row = rows_by_id()[name]
    told = f"{row.id}\n  real      {row.real}\n  simulated {row.simulated}\n  {row.note}\n  {row.difference}"
    assert row.is_agreed or row.reason or row.verdict is Verdict.LATER, told


def test_document_is_what_the_facts_say() -> None:
    """The committed table is the generated one, byte for byte; `make facts` writes it."""
    assert PATH.read_text(encoding="utf-8") == describe(all_rows()), "stale: run `make facts`"


def test_facts_have_names_of_their_own() -> None:
    """No two rows are called the same, or one would hide the other."""
    assert len(rows_by_id()) == len(all_rows()) >= FEWEST_FACTS


def test_reasons_are_of_rows_that_disagree() -> None:
    """A reason whose row agrees by now, or is gone, goes as well."""
    assert {row.id for row in all_rows() if row.verdict is Verdict.DISAGREES} >= explained_ids()


def test_nearly_all_facts_agree_in_each_kernel() -> None:
    """Of what can be compared, at least 97 % agree on each kernel; later work is not counted."""
    for kernel in {row.id.split()[0] for row in all_rows()}:
        rows = [row for row in all_rows() if row.place.split()[0] == kernel]
        agreed = [row.is_agreed for row in rows if row.verdict is not Verdict.LATER]
        assert sum(agreed) >= LOWEST_SHARE * len(agreed), kernel
