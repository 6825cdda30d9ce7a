"""A load report, shown as it comes."""

from pydantic import JsonValue

from clients.vmemctl.load_report import load_report
from tests.clients import recorded
from tests.clients.vmemctl.terminal import shown


def test_load_report_leaves_nothing_out() -> None:
    """Numbers are lines, words are lists, objects are rows."""
    text = shown(load_report(recorded.IMPORTED["load_report"]))
    assert "nr pages  6291456" in text
    assert "pinned pages look like any other" in text
    assert "captured" in text
    assert [line.split() for line in text.splitlines() if line.split()[:1] == ["Normal"]] == [
        ["Normal", "0", "12", "11"]
    ]


def test_load_report_shows_members_within_members() -> None:
    """A report may be as deep as it likes; empty parts are not shown."""
    text = shown(load_report({"kinds": {"anon": 3, "more": {"thp": 5}}, "unknown": [], "note": None}))
    assert "anon  3" in text
    assert "thp  5" in text
    assert "unknown" not in text


def test_load_report_takes_rows_that_differ() -> None:
    """A member that only some rows have is a column with gaps."""
    text = shown(load_report({"rows": [{"a": 1}, {"b": [2, 3]}]}))
    assert "2 3" in text


def test_load_report_shows_once_what_was_loaded_as_captured() -> None:
    """Where both differ, both are shown."""
    same: dict[str, JsonValue] = {"captured": [1, 2], "loaded": [1, 2]}
    other: dict[str, JsonValue] = {"captured": 5, "loaded": 4}
    text = shown(load_report({"zones": [{"buddyinfo": same, "free_pages": other}]}))
    assert "1 2" in text
    assert text.count("1 2") == 1
    assert "captured 5, loaded 4" in text


def test_load_report_shows_bytes_in_units_and_addresses_in_hexadecimal() -> None:
    """A name tells what its number is."""
    text = shown(
        load_report({"page_size": 4096, "devices": [{"addr": 4 << 30, "size": 2 << 30}], "is_x": True})
    )
    assert "4 KiB" in text
    assert "0x100000000" in text
    assert "2 GiB" in text
    assert "True" in text
