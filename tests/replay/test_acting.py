"""Acts done on a guest: each tells what it did; names that there are not are refused and change nothing."""

import pytest

from app.errors import InvalidValue, Unknown
from app.guest.creation import create_guest
from app.replay.act_reading import read_act
from app.replay.acting import Stage
from app.units import MIB
from tests.replay.making import replay_of, value_of


def _stage() -> Stage:
    return Stage(create_guest(replay_of().spec))


def _do(stage: Stage, word: str, text: str) -> str:
    return stage.do(read_act(word, value_of(text)))


def test_acts_are_done_and_told() -> None:
    """A whole life in short: memory taken, pinned and freed, sizes, a fault that comes, changes and goes."""
    stage = _stage()
    assert _do(stage, "allocate", "{label: heap, kind: anon, size: 1MiB}") == "allocate heap: 256 pages, anon"
    assert _do(stage, "pin", "{label: heap, fraction: 0.5}") == "pin 128 pages of heap"
    assert _do(stage, "free", "{label: heap, fraction: 0.25}") == "free 64 pages of heap"
    assert _do(stage, "plug", "{size: 128MiB}") == "plug 128 MiB of vm0"
    _do(stage, "settle", "yes")
    assert _do(stage, "unplug", "{device: vm0, size: 256MiB}") == "unplug 256 MiB of vm0"
    _do(stage, "settle", "yes")
    assert stage.guest.describe_device("vm0")["size"] == 128 * MIB
    assert _do(stage, "resize", "{size: 0}") == "resize vm0 to 0 B"
    assert "warning: no device is named" in _do(
        stage, "fault", "{name: f, kind: device_busy, match: {device: x}}"
    )
    assert _do(stage, "change_fault", "{name: f, count: 1}") == "change fault f"
    assert _do(stage, "remove_fault", "f") == "remove fault f"
    assert _do(stage, "reboot", "system_reset") == "reboot: system_reset"
    assert stage.guest.verify() == []


@pytest.mark.parametrize(
    ("word", "text", "error"),
    [
        ("resize", "{device: vm7, size: 0}", Unknown),
        ("resize", "{size: 3}", InvalidValue),
        ("unplug", "{size: 1TiB}", InvalidValue),
        ("remove_fault", "f", Unknown),
        ("change_fault", "{name: f}", Unknown),
        ("free", "{label: heap}", Unknown),
        ("pin", "{label: heap}", Unknown),
        ("allocate", "{label: x, kind: anon, size: 5}", InvalidValue),
        ("allocate", "{label: x, kind: gold, nr_pages: 1}", InvalidValue),
    ],
)
def test_act_that_cannot_be_done_changes_nothing(word: str, text: str, error: type[Exception]) -> None:
    """What is wrong shows only on the guest; its state is as before."""
    stage = _stage()
    before = stage.guest.digest()
    with pytest.raises(error):
        _do(stage, word, text)
    assert stage.guest.digest() == before


def test_name_of_a_fault_is_given_once() -> None:
    """The second rule of that name is refused."""
    stage = _stage()
    _do(stage, "fault", "{name: f, kind: device_busy}")
    with pytest.raises(InvalidValue, match="a name that no other rule has"):
        _do(stage, "fault", "{name: f, kind: device_busy}")
    assert len(stage.guest.faults.describe_all()) == 1
