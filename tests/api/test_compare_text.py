"""A comparison as text: a line for each level, marks of what broke, and the reasons below."""

from app.api.compare_text import as_text, bytes_left, name_broken, name_reason
from tests.api.comparisons import COMPARISON, OUTCOME, ROWS


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
    assert lines[5].endswith("INV-8 INV-3!")
    assert "  4 MiB in 2 of pageblock: unmovable EBUSY" in lines
    assert "  2 MiB in 1 of pageblock: no page ENOMEM" in lines
    assert lines[-1].startswith(
        "linux-5.15+cma_align=pageblock,allow_unsafe=yes [memory_block, chunk]: refused: vm0"
    )


def test_text_of_a_capture_names_its_kernel() -> None:
    """A capture has no name of its own."""
    told = COMPARISON | {"start": {"kernel_release": "6.1.0-test", "policy": "linux-5.19"}}
    assert as_text(told).startswith("a capture of 6.1.0-test: vm0")


def test_parts_of_a_row_are_named() -> None:
    """What is left, what broke, why."""
    assert bytes_left(OUTCOME) == 6 << 20
    assert name_broken(ROWS[1]) == "INV-8 INV-3!"
    assert name_reason(OUTCOME["obstacle_groups"][1]) == "no page ENOMEM"
