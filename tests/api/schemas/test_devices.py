"""Devices in requests: sizes in both spellings, ids; nothing else."""

import pytest
from pydantic import ValidationError

from app.api.schemas.devices import DeviceIn, RelativeSizeIn, RequestedSizeIn


def test_device_takes_sizes_in_both_spellings() -> None:
    """Text and bytes mean the same; what is left out has its default."""
    device = DeviceIn.model_validate({"size": "8GiB", "block_size": 2**21})
    assert device == DeviceIn.model_validate({"size": 2**33, "block_size": "2MiB"})
    assert (device.id, device.requested_size) == (None, 0)


@pytest.mark.parametrize("identity", ["", "a b", "a/b", "a" * 64, "ü", 1])
def test_device_id_of_another_shape_is_refused(identity: object) -> None:
    """An id is a segment of a path."""
    with pytest.raises(ValidationError):
        DeviceIn.model_validate({"size": 1, "id": identity})


def test_sizes_of_a_resize_are_held_to_their_fields() -> None:
    """A target is not an amount: each body has its own field."""
    assert RequestedSizeIn.model_validate({"requested_size": "1MiB"}).requested_size == 2**20
    assert RelativeSizeIn.model_validate({"size": "1MiB"}).size == 2**20
    with pytest.raises(ValidationError):
        RequestedSizeIn.model_validate({"size": 0})
