"""What all shapes say alike of a row."""

from app.api.compare_rows import (
    Laws,
    bytes_left,
    ends_of,
    laws_of,
    name_laws,
    name_reason,
    name_results,
    name_start,
    types_lost,
)
from app.units import MIB
from tests.api.comparisons import COMPARISON, OUTCOME, PLAYED, PLAYED_ROWS, ROWS


def test_start_is_named_by_what_it_is() -> None:
    """A guest and a capture with the request, a scenario alone."""
    assert name_start(COMPARISON) == "web-1: vm0 from 2 GiB to 0 B"
    capture = COMPARISON | {"start": {"kernel_release": "6.1.0-test", "policy": "linux-5.19"}}
    assert name_start(capture) == "a capture of 6.1.0-test: vm0 from 2 GiB to 0 B"
    assert name_start(PLAYED) == "scenario S10"


def test_laws_are_sorted_by_whose_bug_they_are() -> None:
    """Failures, findings (those of a scenario's ends too, each once), and what was whole again at the end."""
    assert laws_of(ROWS[1]) == Laws(["INV-3"], ["INV-8"], [])
    assert laws_of(PLAYED_ROWS[1]) == Laws([], ["INV-8", "INV-14"], ["INV-10"])
    assert [name_laws(row) for row in (ROWS[0], ROWS[1], PLAYED_ROWS[1])] == [
        "",
        "INV-3! INV-8",
        "INV-8 INV-14 (INV-10)",
    ]


def test_types_lost_are_those_of_the_worst_end() -> None:
    """A resize has counts; of a scenario's ends the one with the most lost types counts."""
    assert types_lost(ROWS[0]) == OUTCOME["types_lost"]
    assert types_lost(PLAYED_ROWS[0]) == {}
    assert types_lost(PLAYED_ROWS[1]) == {"CMA->MOVABLE": 2}
    assert types_lost(PLAYED_ROWS[2]) == {}


def test_parts_of_a_row_are_named() -> None:
    """What is left, why, and what the actors came to."""
    assert bytes_left(OUTCOME) == 6 * MIB
    assert name_reason(OUTCOME["obstacle_groups"][1]) == "no page ENOMEM"
    assert [name_results(end) for end in ends_of(PLAYED_ROWS[1])] == [
        "a OK, b EBUSY@isolate",
        "a EBUSY@test, b OK",
    ]
    assert ends_of(PLAYED_ROWS[2]) == ends_of(ROWS[0]) == []
