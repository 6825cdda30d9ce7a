"""A comparison as text: a line for each level or end, marks of what broke, and the reasons below."""

from app.api.compare_text import as_text
from tests.api.comparisons import COMPARISON, DEVICE_PLAYED, PLAYED


def test_text_has_a_line_for_each_level_and_the_reasons_below() -> None:
    """Numbers stand in columns; a refused row says why."""
    lines = as_text(COMPARISON).splitlines()
    assert lines[0] == "web-1: vm0 from 2 GiB to 0 B"
    assert lines[2].split() == [
        *("policy", "level", "bytes", "attempts", "failed", "left", "migrated", "simulated"),
        *("types", "lost", "broken"),
    ]
    assert lines[3].split()[:4] == ["linux-6.17", "memory_block", "1", "GiB"]
    assert lines[3].split()[-1] == "-"
    assert lines[4].split() == ["pageblock", "1018", "MiB", "600", "3"]
    assert lines[5].endswith("INV-3! INV-8")
    assert "  4 MiB in 2 of pageblock: unmovable EBUSY" in lines
    assert "  2 MiB in 1 of pageblock: no page ENOMEM" in lines
    refused = "linux-5.15+cma_align=pageblock,allow_unsafe=yes [memory_block, chunk]: refused: vm0"
    assert lines[-1].startswith(refused)


def test_text_of_a_scenario_has_a_line_for_each_end() -> None:
    """Results of the actors, counters, what broke at the end and on the way."""
    lines = as_text(PLAYED).splitlines()
    assert lines[0] == "scenario S10"
    assert lines[3].split() == [
        *("two", "at", "once", "linux-6.17", "a", "OK,", "b", "EBUSY@isolate", "24", "8", "4", "0", "-"),
    ]
    assert lines[4].endswith("0  (INV-10)")
    assert lines[5].split()[:7] == ["a", "EBUSY@test,", "b", "OK", "24", "8", "4"]
    assert lines[5].endswith("2  INV-8 INV-14 (INV-10)")
    assert lines[-1] == "two at once, linux-5.15: refused: schedule, turn 2: a has ended"


def test_text_of_a_scenario_with_a_device_has_a_line_for_each_level() -> None:
    """Bytes, attempts, what is left and the time, as a guest has them; nothing where a case has no device."""
    lines = as_text(DEVICE_PLAYED).splitlines()
    assert lines[2].split()[:9] == [
        *("case", "policy", "results", "level", "bytes", "attempts", "failed", "left", "simulated"),
    ]
    assert lines[3].split()[6:] == [
        *("H", "EBUSY", "memory_block", "1", "GiB", "10", "2", "6", "MiB", "1234.6", "ms"),
        *("24", "8", "77", "0", "-"),
    ]
    assert lines[4].split() == ["pageblock", "1018", "MiB", "600", "3"]
    assert lines[5].split()[-6:] == ["EBUSY@isolate", "24", "8", "4", "0", "-"]
    assert lines[6].split()[-1] == "refused"
