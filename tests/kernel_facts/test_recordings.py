"""The recordings: complete, and read as they were folded."""

import pytest

from tests.kernel_facts.recordings import KERNELS, calls_of, requests_of, scenario
from tests.kernel_facts.snapshot_guest import PAGEBLOCK, pageblocks_of

SCENARIOS = ("geometry", "idle_kernel", "idle_movable", "idle_offline", "pin_kernel", "pin_movable", "retry")


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels_have_every_scenario(kernel: str) -> None:
    """What is compared was recorded for each kernel, with a setting and steps."""
    for name in SCENARIOS:
        facts = scenario(kernel, name)
        assert facts.settings
        assert facts.steps


@pytest.mark.parametrize("kernel", KERNELS)
def test_page_maps_cover_the_region(kernel: str) -> None:
    """Every snapshot tells all 512 pages of each of the 2048 pageblocks."""
    facts = scenario(kernel, "pin_kernel")
    for _, step in facts.find("resize", requested=0):
        pageblocks = pageblocks_of(step["after"])
        assert len(pageblocks) == 2048
        assert {sum(kinds.values()) for kinds in pageblocks} == {PAGEBLOCK}


def test_folded_requests_and_calls_unfold_in_order() -> None:
    """A run is its first request and the others at its distance; a call is repeated as often as it was made."""
    folded = {"op": "unplug", "first": 6, "blocks": 2, "resp": 0, "count": 3, "stride": -2}
    assert requests_of({"requests": [folded]}) == [("unplug", first, 2, 0) for first in (6, 4, 2)]
    assert calls_of({"first_calls": [[64.0, 64.0, -16, 2]]}) == [(64, 64, -16)] * 2
