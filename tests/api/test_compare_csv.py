"""A comparison as CSV, read back: every count in its column, lists as text."""

import csv
import io

from app.api.compare_csv import COLUMNS, as_csv
from tests.api.comparisons import COMPARISON, OUTCOME, PLAYED


def read(text: str) -> list[dict[str, str]]:
    """The lines under the line of names."""
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_every_number_of_a_row() -> None:
    """What a spreadsheet reads is what JSON says."""
    row, broken, refused = read(as_csv(COMPARISON))
    assert tuple(row) == COLUMNS
    for name in ("requested", "achieved", "size", "migrated_pages", "dropped_pages", "simulated_us"):
        assert int(row[name]) == OUTCOME[name]
    assert (row["pageblock_attempts"], row["pageblock_failed"], row["chunk_bytes"]) == ("600", "3", "")
    assert int(row["left"]) == 6 << 20
    assert row["failures"] == "pageblock unmovable EBUSY=4"
    assert row["stays"] == "pageblock unmovable EBUSY=4194304; pageblock no page ENOMEM=2097152"
    assert row["types_lost"] == "UNMOVABLE->MOVABLE=3; RECLAIMABLE->MOVABLE=1"
    assert (row["findings"], row["failed_laws"]) == ("", "")
    assert (broken["findings"], broken["failed_laws"]) == ("INV-8", "INV-3")
    assert refused["refusal"].startswith("vm0 has 2 MiB")
    assert {name for name, cell in refused.items() if cell} == {"policy", "fallback", "refusal"}


def test_csv_of_a_scenario_has_results_and_counters() -> None:
    """The first end, how many there are, and what broke in any of them."""
    sound, broken, refused = read(as_csv(PLAYED))
    assert (sound["case"], sound["policy"], sound["fallback"]) == ("two at once", "linux-6.17", "")
    assert (sound["results"], sound["nr_free_cma"], sound["migrated_pages"]) == (
        "a OK; b EBUSY@isolate",
        "8",
        "4",
    )
    assert (broken["nr_orders"], broken["nr_ends"], broken["types_lost"]) == ("6", "2", "CMA->MOVABLE=2")
    assert (broken["findings"], broken["broken_meanwhile"]) == ("INV-8; INV-14", "INV-10")
    assert {name for name, cell in refused.items() if cell} == {"case", "policy", "refusal"}


def test_csv_of_nothing_is_the_line_of_names() -> None:
    """No rows, and still a table."""
    assert as_csv({"rows": []}).splitlines() == [",".join(COLUMNS)]
