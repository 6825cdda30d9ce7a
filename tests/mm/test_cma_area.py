"""CMA areas: where one may lie, and which of its bits a search finds."""

from dataclasses import replace

import numpy as np
import pytest

from app.errors import InvalidValue
from app.mm.cma_area import CMA_OWNER, CmaArea, require_cma_alignment
from app.mm.geometry import preset
from app.mm.policies.policy import policy

pytestmark = pytest.mark.interpreted

MIB = 1024 * 1024


def area_of(bits: str, *, start_pfn: int = 0, order_per_bit: int = 0) -> CmaArea:
    """Returns an area whose bits are drawn: x taken, . clear."""
    area = CmaArea("dma", 2, start_pfn, start_pfn + (len(bits) << order_per_bit), order_per_bit)
    area.bitmap[:] = bytes(int(bit == "x") for bit in bits)
    return area


def naive_find(area: CmaArea, count: int, first: int, align_order: int) -> int:
    """Returns what find_clear_bits() must, by trying every bit."""
    step = max(1 << align_order, 1 << area.order_per_bit)
    for bit in range(first, len(area.bitmap) - count + 1):
        # Aligned is what a coarse bit can be: its place among bits, from pfn 0.
        place = (area.start_pfn >> area.order_per_bit) + bit
        if place % (step >> area.order_per_bit) == 0 and not any(area.bitmap[bit : bit + count]):
            return bit
    return -1


def test_bits_stand_for_pages() -> None:
    """C-7: pages are counted in bits, rounded up; the client's owner tells the area."""
    area = area_of("x..x", start_pfn=16, order_per_bit=2)
    assert (area.nr_pages, area.nr_used_pages, area.owner) == (16, 8, CMA_OWNER - 2)
    assert [area.nr_bits(nr_pages) for nr_pages in (1, 4, 5)] == [1, 1, 2]
    assert [area.pfn_of(bit) for bit in range(4)] == [16, 20, 24, 28]
    assert [area.align_mask(order) for order in (0, 2, 3, 4)] == [0, 0, 1, 3]


def test_bits_are_taken_and_given_back() -> None:
    """A copy keeps what was, whatever becomes of the area."""
    area = area_of("........")
    area.set_bits(2, 3)
    copy = area.copy()
    area.clear_bits(3, 1)
    assert area.bitmap == area_of("..x.x...").bitmap
    assert copy.bitmap == area_of("..xxx...").bitmap
    assert (copy.name, copy.number, copy.start_pfn, copy.end_pfn) == ("dma", 2, 0, 8)


@pytest.mark.parametrize(
    ("bits", "count", "first", "found"),
    [
        ("....", 4, 0, 0),
        ("....", 5, 0, -1),
        ("x.x..", 2, 0, 3),
        ("x.x..", 1, 0, 1),
        ("x.x..", 1, 2, 3),
        ("xxxx", 1, 0, -1),
        ("....", 1, 4, -1),
    ],
)
def test_search_finds_the_first_run_of_clear_bits(bits: str, count: int, first: int, found: int) -> None:
    """C-9: from `first` on, and never beyond the end."""
    assert area_of(bits).find_clear_bits(count, first=first, align_order=0) == found


def test_search_aligns_the_pfn_not_the_bit() -> None:
    """C-9: an area at pfn 24 has its first multiple of 16 at bit 8."""
    assert area_of("." * 32, start_pfn=24).find_clear_bits(1, first=0, align_order=4) == 8
    assert area_of("." * 32, start_pfn=24).find_clear_bits(1, first=0, align_order=3) == 0


def test_search_finds_what_trying_every_bit_finds() -> None:
    """Whatever the bits, the count, the alignment and the pages of a bit."""
    words = np.random.PCG64(7).random_raw(4 * 200).reshape(200, 4)
    for pattern, count, first, shape in words.tolist():
        bits = "".join(".x"[pattern >> bit & pattern >> (bit + 32) & 1] for bit in range(24))
        area = area_of(bits, start_pfn=8 * (shape % 5), order_per_bit=shape // 8 % 3)
        wanted = (count % 5 + 1, first % 8, shape // 64 % 5)
        found = area.find_clear_bits(wanted[0], first=wanted[1], align_order=wanted[2])
        assert found == naive_find(area, *wanted), (bits, wanted)


@pytest.mark.parametrize(
    ("policy_name", "base", "size", "order_per_bit", "field"),
    [
        ("linux-5.15", 4 * MIB, 4 * MIB, 0, None),
        ("linux-5.15", 2 * MIB, 4 * MIB, 0, "base"),
        ("linux-5.15", 4 * MIB, 6 * MIB, 0, "size"),
        ("linux-5.19", 2 * MIB, 6 * MIB, 9, None),
        ("linux-5.19", 1 * MIB, 6 * MIB, 0, "base"),
        ("linux-5.19", -2 * MIB, 6 * MIB, 0, "base"),
        ("linux-5.19", 2 * MIB, 0, 0, "size"),
        ("linux-5.19", 2 * MIB, 2 * MIB, 10, "order_per_bit"),
        ("linux-5.19", 2 * MIB, 2 * MIB, -1, "order_per_bit"),
    ],
)
def test_alignment_of_the_policy_is_law(
    policy_name: str, base: int, size: int, order_per_bit: int, field: str | None
) -> None:
    """C-7, S32: chunks up to 5.18, pageblocks later; the error names the value and the alignment."""
    geometry = preset("x86-64")
    arguments = {"base": base, "size": size, "order_per_bit": order_per_bit}
    if field is None:
        require_cma_alignment(geometry, policy(policy_name), **arguments)
        return
    with pytest.raises(InvalidValue) as raised:
        require_cma_alignment(geometry, policy(policy_name), **arguments)
    assert (raised.value.members["field"], raised.value.members["value"]) == (field, arguments[field])


def test_pageblock_as_large_as_the_chunk_makes_policies_equal() -> None:
    """G-2: then 5.15 and 5.19 want the same."""
    geometry = replace(preset("x86-64"), pageblock_order=10)
    for name in ("linux-5.15", "linux-5.19"):
        with pytest.raises(InvalidValue, match="4 MiB"):
            require_cma_alignment(geometry, policy(name), base=2 * MIB, size=4 * MIB, order_per_bit=0)
