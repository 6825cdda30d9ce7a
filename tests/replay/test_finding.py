"""What can be found of a guest: every word that a file may use, as the API describes it."""

from app.guest.creation import create_guest
from app.replay.acting import Stage
from app.replay.finding import FOUND, device_rows
from app.replay.reading import PARTS
from app.units import GIB, MIB
from tests.replay.making import replay_of


def _stage() -> Stage:
    return Stage(create_guest(replay_of().spec))


def test_every_part_of_an_expectation_can_be_found() -> None:
    """Events and invariants are counted and checked; everything else is described."""
    assert set(FOUND) == set(PARTS) - {"events", "invariants"}
    stage = _stage()
    for part, find in FOUND.items():
        assert find(stage) is not None, part


def test_meminfo_is_found_in_bytes() -> None:
    """What it counts in kB is converted, so that sizes can be compared."""
    meminfo = FOUND["meminfo"](_stage())
    assert isinstance(meminfo, dict)
    assert GIB < meminfo["MemTotal"] <= GIB + 256 * MIB


def test_devices_are_shown_in_a_line() -> None:
    """Plugged, requested, and what the driver is at."""
    (row,) = device_rows(_stage().guest)
    assert row == ("vm0", 256 * MIB, 256 * MIB, "idle")
