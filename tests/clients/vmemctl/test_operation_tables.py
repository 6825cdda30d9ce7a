"""Operations and clocks as a terminal shows them."""

from clients.time_models import Clock, Operation
from clients.vmemctl.operation_tables import clock_details, operation_details, operation_table
from tests.clients import recorded_time
from tests.clients.vmemctl.terminal import shown


def test_operation_reads_as_what_it_is() -> None:
    """A partial one says why, and at which level; one that succeeded has nothing to explain."""
    partial = shown(operation_details(Operation.model_validate(recorded_time.PARTIAL)))
    assert "partial: 126 MiB of 128 MiB; plugged 2 MiB, requested 0 B; op-7" in partial
    assert "held by unmovable" in partial
    assert "memory_block" in partial
    running = shown(operation_details(Operation.model_validate(recorded_time.RUNNING)))
    assert running.strip().count("\n") == 0


def test_no_operations_is_a_sentence() -> None:
    """An empty list says how to make one."""
    assert "vmemctl resize" in shown(operation_table([]))


def test_clock_that_stands_shows_no_scale() -> None:
    """Scale and lateness are of the wall's clock."""
    clock = Clock.model_validate({**recorded_time.CLOCK, "mode": "manual", "next_due_us": None})
    text = shown(clock_details(clock))
    assert "scale" not in text
    assert "late" not in text
