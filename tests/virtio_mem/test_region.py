"""A device's region: its laws, and how far the usable part runs ahead of the target."""

import pytest

from app.errors import InvalidValue
from app.units import GIB, KIB, MIB
from app.virtio_mem.region import EXTENT_ARM, DeviceRegion

REGION = DeviceRegion(addr=4 * GIB, region_size=4 * GIB, block_size=2 * MIB)


def test_validate_sound_regions_passes() -> None:
    """An ordinary region, an empty one (V-9), and one with ARM's extent keep every law."""
    for region in (REGION, DeviceRegion(0, 0), DeviceRegion(0, 1 * GIB, 512 * MIB, extent=EXTENT_ARM)):
        region.validate()
        assert region.nr_blocks * region.block_size == region.region_size


@pytest.mark.parametrize(
    ("region", "field"),
    [
        (DeviceRegion(4 * GIB, 4 * GIB, 3 * MIB), "block_size"),
        (DeviceRegion(4 * GIB, 4 * GIB, 512 * KIB), "block_size"),
        (DeviceRegion(4 * GIB, 4 * GIB, 0), "block_size"),
        (DeviceRegion(4 * GIB, 4 * GIB, -2 * MIB), "block_size"),
        (DeviceRegion(4 * GIB, 4 * GIB + MIB), "size"),
        (DeviceRegion(4 * GIB, -2 * MIB), "size"),
        (DeviceRegion(4 * GIB, 1 << 60), "size"),
        (DeviceRegion(4 * GIB + MIB, 4 * GIB), "addr"),
        (DeviceRegion(-4 * GIB, 4 * GIB), "addr"),
        (DeviceRegion(4 * GIB, 4 * GIB, extent=-1), "extent"),
        (DeviceRegion(4 * GIB, 4 * GIB, 2 * MIB, backing_page_size=1 * GIB), "block_size"),
        (DeviceRegion(4 * GIB, 4 * GIB, backing_page_size=3 * KIB), "backing_page_size"),
    ],
)
def test_validate_broken_law_names_the_field(region: DeviceRegion, field: str) -> None:
    """V-Q6, V-7, V-8: each broken law is refused by the name of its field."""
    with pytest.raises(InvalidValue) as refusal:
        region.validate()
    assert refusal.value.members["field"] == field


@pytest.mark.parametrize("size", [1, MIB, 2 * MIB + 1, -2 * MIB, -1])
def test_validate_requested_size_not_a_multiple_is_refused(size: int) -> None:
    """V-Q5: the target is a multiple of the block, and no less than 0."""
    with pytest.raises(InvalidValue, match=r"requested_size is -?\d+; accepted: a multiple of block_size"):
        REGION.validate_requested_size(size)


def test_validate_requested_size_reports_the_multiple_before_the_excess() -> None:
    """As recorded: a target that is neither a multiple nor small enough is refused for the multiple."""
    with pytest.raises(InvalidValue, match="a multiple of"):
        REGION.validate_requested_size(4 * GIB + 1)
    with pytest.raises(InvalidValue, match="at most the device's size"):
        REGION.validate_requested_size(4 * GIB + 2 * MIB)


@pytest.mark.parametrize("size", [0, -2 * MIB, MIB, 34 * MIB])
def test_validate_change_accepts_multiples_of_what_is_there(size: int) -> None:
    """By how much a target moves: above 0, whole blocks, no more than there is."""
    REGION.validate_change(32 * MIB, largest=32 * MIB)
    with pytest.raises(InvalidValue, match="at most 33554432"):
        REGION.validate_change(size, largest=32 * MIB)


@pytest.mark.parametrize(
    ("requested", "usable"),
    [
        (0, 0),
        (2 * MIB, 258 * MIB),
        (1 * GIB, 1280 * MIB),
        (4 * GIB - 2 * MIB, 4 * GIB),
        (4 * GIB, 4 * GIB),
    ],
)
def test_usable_size_runs_ahead_by_the_extent(requested: int, usable: int) -> None:
    """V-Q3: 256 MiB beyond the target, within the region; nothing for a target of 0."""
    assert REGION.usable_size(requested) == usable


def test_usable_size_with_large_blocks_is_rounded_up() -> None:
    """V-8: the usable size is a multiple of the block, also when the extent is not."""
    region = DeviceRegion(0, 8 * GIB, 1 * GIB)
    assert region.usable_size(1 * GIB) == 2 * GIB
