"""Answers as typed values."""

import pytest
from pydantic import ValidationError

from clients.models import Device, Guest, ImportedGuest, MemoryBlocks, Outcome, Pageblocks, RangeOutcome
from tests.clients import recorded


def test_guest_is_read_with_its_zones_devices_and_allocations() -> None:
    """The service's answer becomes typed values, whole."""
    guest = Guest.model_validate(recorded.GUEST)
    assert guest.zones[0].name == "Normal"
    assert guest.devices[0].driver is not None
    assert guest.devices[0].driver.state == "idle"
    assert guest.allocations[0].label == "slab"


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (Guest, recorded.GUEST),
        (Device, recorded.DEVICE),
        (Outcome, recorded.OUTCOME),
        (ImportedGuest, recorded.IMPORTED),
        (MemoryBlocks, recorded.MEMORY_BLOCKS),
        (Pageblocks, recorded.PAGEBLOCKS),
    ],
)
def test_nothing_of_an_answer_is_lost(model: type[Guest], answer: dict[str, object]) -> None:
    """What was read is given back equal, a member that this version does not know included."""
    known = model.model_validate(answer).model_dump(mode="json")
    assert {name: known[name] for name in answer} == answer
    assert model.model_validate({**answer, "new_member": [1]}).model_dump()["new_member"] == [1]


def test_answers_cannot_be_changed() -> None:
    """An answer says how it was; nobody can make it say something else."""
    device = Device.model_validate(recorded.DEVICE)
    with pytest.raises(ValidationError, match="frozen"):
        device.size = 0  # type: ignore[misc]  # the point of this test


def test_a_missing_promised_member_is_noticed() -> None:
    """A device without a size is no device."""
    with pytest.raises(ValidationError, match="size"):
        Device.model_validate({name: value for name, value in recorded.DEVICE.items() if name != "size"})


def test_obstacle_of_a_shortage_has_no_page() -> None:
    """Where a shortage stopped a piece, there is no page to name."""
    shortage = {"pfn": None, "kind": None, "level": "chunk", "result": "ENOMEM", "bytes": 4096}
    outcome = Outcome.model_validate({**recorded.OUTCOME, "obstacles": [shortage]})
    assert outcome.obstacles[0].pfn is None


def test_range_outcome_tells_success_by_the_kernels_zero() -> None:
    """The result "0" is success, a name of an error is not."""
    assert RangeOutcome(result="0").succeeded
    assert not RangeOutcome(result="EBUSY", step="isolate").succeeded
