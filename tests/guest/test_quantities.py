"""Quantities by name: for a preset and a policy text, without a guest."""

import json

import pytest

from app.errors import InvalidValue
from app.guest.quantities import describe_quantities
from app.units import KIB, MIB


def test_quantities_are_json_ready_and_named() -> None:
    """Plain numbers and words, with the preset's default device block."""
    shown = describe_quantities("ppc64-64K-radix", "linux-5.19+cma_align=chunk,contig_align=chunk", None)
    assert json.loads(json.dumps(shown)) == shown
    assert shown["policy"] == "linux-5.19+cma_align=chunk,contig_align=chunk"
    assert (shown["page_size"], shown["device_block_size"]) == (64 * KIB, 2 * MIB)
    assert (shown["cma_align"], shown["contig_align"], shown["mode"]) == (16 * MIB, 16 * MIB, "sub-block")


@pytest.mark.parametrize("block_size", [0, -1, 3 * MIB, MIB // 2])
def test_wrong_device_block_is_refused_by_its_field(block_size: int) -> None:
    """The law of devices holds without a device."""
    with pytest.raises(InvalidValue) as caught:
        describe_quantities("x86-64", "linux-5.19", block_size)
    assert caught.value.members["field"] == "block_size"
