"""The layout of boot memory: exactly the entries that buddyinfo counts, whatever merges."""

import pytest

from tests.kernel_facts.boot_pages import NoRoomError, lay_out
from tests.kernel_facts.recordings import KERNELS, scenario


def merged(parts: list[tuple[int, int]], largest: int) -> list[int]:
    """Returns how many entries of each order the buddy makes of free pages."""
    counts = [0] * (largest + 1)
    free = sorted(pfn for start, end in parts for pfn in range(start, end))
    left = set(free)
    for order in range(largest, -1, -1):
        for pfn in free:
            run = range(pfn, pfn + (1 << order))
            if not pfn % (1 << order) and left.issuperset(run):
                left.difference_update(run)
                counts[order] += 1
    return counts


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("zone", ["DMA", "DMA32"])
def test_layout_has_as_many_entries_as_were_recorded(kernel: str, zone: str) -> None:
    """The smaller orders of a real zone: no two entries merge, and none is lost."""
    snapshot = scenario(kernel, "idle_kernel").steps[0]["snapshot"]
    counts = [*snapshot["buddyinfo"][zone][:7], 0]
    start = snapshot["zones"][zone]["start_pfn"]
    free, _ = lay_out(start, start + 4096, counts)
    assert merged(free, 7) == counts


def test_used_blocks_lie_beside_the_free_ones() -> None:
    """Blocks that hold something are aligned, apart from each other, and apart from every free entry."""
    free, used = lay_out(1, 64, [1, 0, 2, 1], nr_used=3, used_order=2)
    pages = [pfn for start, end in free + used for pfn in range(start, end)]
    assert len(used) == 3
    assert len(pages) == len(set(pages))
    assert all(start % 4 == 0 and end == start + 4 for start, end in used)


def test_layout_without_room_is_refused() -> None:
    """Three entries of half the zone do not fit."""
    with pytest.raises(NoRoomError):
        lay_out(0, 8, [0, 0, 3, 0])
