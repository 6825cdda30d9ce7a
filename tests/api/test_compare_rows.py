"""What all shapes say alike of a row."""

from app.api.compare_rows import (
    Laws,
    bytes_left,
    ends_of,
    laws_of,
    laws_of_end,
    name_laws,
    name_reason,
    name_results,
    name_start,
    outcome_of,
    resize_of,
    types_lost,
    types_lost_at,
)
from app.units import MIB
from tests.api.comparisons import (
    BROKEN,
    COMPARISON,
    DEVICE_END,
    DEVICE_ROW,
    OUTCOME,
    PLAYED,
    PLAYED_ROWS,
    ROWS,
)


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
    assert [name_laws(laws_of(row)) for row in (ROWS[0], ROWS[1], PLAYED_ROWS[1])] == [
        "",
        "INV-3! INV-8",
        "INV-8 INV-14 (INV-10)",
    ]


def test_laws_of_an_end_are_its_own() -> None:
    """Another end's are not; a failure is no finding, and what broke in the middle is of all orders."""
    row = PLAYED_ROWS[1]
    first, second = ends_of(row)
    assert laws_of_end(row, first) == Laws([], [], ["INV-10"])
    assert laws_of_end(row, second) == Laws([], ["INV-8", "INV-14"], ["INV-10"])
    failed = {**second, "violations": BROKEN * 2, "findings": ["INV-3", "INV-8"]}
    assert laws_of_end(row, failed) == Laws(["INV-3"], ["INV-8"], ["INV-10"])
    assert [types_lost_at(end) for end in (first, second)] == [{}, {"CMA->MOVABLE": 2}]


def test_device_of_a_scenario_is_told_as_a_guests() -> None:
    """From the values of its report; there is none without a device, nor in a refused row."""
    outcome = resize_of(DEVICE_END)
    assert outcome is not None
    for name in ("by_level", "achieved", "size", "simulated_us"):
        assert outcome[name] == OUTCOME[name]
    assert outcome_of(DEVICE_ROW) == outcome
    assert outcome_of(ROWS[0]) == OUTCOME
    assert [outcome_of(row) for row in (ROWS[2], *PLAYED_ROWS)] == [None] * 4


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
