"""Acts: a work item goes on from stop to stop, and every stop is a state that breaks no law."""

import pytest

from app.mm.page import PageKind
from app.units import MIB
from app.virtio_mem.driver.acts import Acts, run
from app.virtio_mem.driver.driver import DriverState
from tests.virtio_mem.board import TOY, build


def test_run_returns_what_the_acts_return() -> None:
    """However many stops there are."""

    def acts() -> Acts[int]:
        yield
        yield
        return 7

    assert run(acts()) == 7


@pytest.mark.parametrize("policy", ["linux-5.10", "linux-5.19", "linux-6.17"])
def test_every_stop_breaks_no_law(policy: str) -> None:
    """Device, driver and memory agree between any two acts of growing and of shrinking around a slab page."""
    board = build(TOY._replace(policy=policy))
    for size in (37 * MIB, 3 * MIB, 64 * MIB, 0):
        board.device.set_requested_size(size)
        board.driver.begin()
        assert board.driver.state is DriverState.WORKING
        while board.driver.step():
            board.verify()
        board.verify()
        if board.device.plugged_size == 64 * MIB:
            board.put(9 * MIB, PageKind.UNMOVABLE)
    assert board.device.plugged_size == board.driver.unit_size


def test_steps_come_to_the_same_as_one_run() -> None:
    """The outcome and the events do not depend on who stops in between."""
    whole, stepped = build(TOY), build(TOY)
    for board in (whole, stepped):
        board.resize(64 * MIB)
        board.put(9 * MIB, PageKind.UNMOVABLE)
        board.device.set_requested_size(0)
    outcome = whole.driver.run()
    stepped.driver.begin()
    nr_stops = 0
    while stepped.driver.step():
        nr_stops += 1
    # One for each attempt and each request without one.
    assert nr_stops >= sum(tally.attempts for tally in outcome.by_level.values())
    assert stepped.driver.outcome == outcome
    assert stepped.sink.events == whole.sink.events


def test_target_raised_in_the_middle_of_an_unplug_turns_it_round() -> None:
    """S34: the next request is not sent, the work starts again with the new target, and becomes a plug."""
    board = build(TOY)
    board.resize(64 * MIB)
    board.device.set_requested_size(0)
    board.driver.begin()
    for _ in range(4):
        assert board.driver.step()
    left = board.device.plugged_size
    assert 0 < left < 64 * MIB
    board.device.set_requested_size(48 * MIB)
    outcome = board.driver.finish()
    assert (outcome.result, outcome.size) == ("0", 48 * MIB)
    assert outcome.nr_passes >= 2
    # It tells of the last target only: what was unplugged for the one before is not counted.
    assert outcome.size_before == left
    assert (outcome.counts.unplugged_bytes, outcome.counts.plugged_bytes) == (0, 48 * MIB - left)
    board.verify()
