"""A comparison as CSV, read back: every count in its column, lists as text."""

import csv
import io

from app.api.compare_csv import COLUMNS, as_csv
from tests.api.comparisons import COMPARISON, DEVICE_PLAYED, OUTCOME, PLAYED


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
    """A line for each end with what broke in it; what broke on the way is of all orders."""
    sound, first, second, refused = read(as_csv(PLAYED))
    assert (sound["case"], sound["policy"], sound["fallback"]) == ("two at once", "linux-6.17", "")
    assert (sound["results"], sound["nr_free_cma"], sound["migrated_pages"]) == (
        "a OK; b EBUSY@isolate",
        "8",
        "4",
    )
    assert [end["end_nr"] for end in (sound, first, second)] == ["1", "1", "2"]
    assert {(end["nr_orders"], end["nr_ends"], end["broken_meanwhile"]) for end in (first, second)} == {
        ("6", "2", "INV-10")
    }
    assert [(end["results"], end["findings"], end["types_lost"]) for end in (first, second)] == [
        ("a OK; b EBUSY@isolate", "", ""),
        ("a EBUSY@test; b OK", "INV-8; INV-14", "CMA->MOVABLE=2"),
    ]
    assert {name for name, cell in refused.items() if cell} == {"case", "policy", "refusal"}


def test_csv_of_a_scenario_with_a_device_has_its_numbers() -> None:
    """In the columns that a guest has too; a case without a device leaves them empty."""
    guest, *_ = read(as_csv(COMPARISON))
    device, without, _ = read(as_csv(DEVICE_PLAYED))
    same = [name for name in COLUMNS if name.endswith(("_bytes", "_attempts", "_failed"))]
    for name in (*same, "state", "achieved", "size", "left", "migrated_pages", "simulated_us"):
        assert device[name] == guest[name]
    assert (device["results"], device["nr_free"]) == ("H EBUSY", "24")
    assert {without[name] for name in (*same, "left", "simulated_us")} == {""}


def test_csv_of_nothing_is_the_line_of_names() -> None:
    """No rows, and still a table."""
    assert as_csv({"rows": []}).splitlines() == [",".join(COLUMNS)]
