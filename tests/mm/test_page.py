"""Page kinds and the arrays: names that kernels agree with, and memory that is not taken before it is used."""

import re
from pathlib import Path

import pytest

from app.mm.geometry import PRESETS, preset
from app.mm.kernels import layout
from app.mm.page import LARGEST_NR_PAGES, Migratetype, PageKind, map_node_arrays
from app.mm.policies.policy import policy
from app.units import KIB, TIB

# Kinds are named twice: kernels add a word where a migratetype has the name.
KERNEL_NAMES = {
    PageKind.UNMOVABLE: "UNMOVABLE_PAGE",
    PageKind.RECLAIMABLE: "RECLAIMABLE_PAGE",
}


def test_page_kinds_are_those_of_the_kernels() -> None:
    """One number for each kind, on both sides."""
    for kind in PageKind:
        assert getattr(layout, KERNEL_NAMES.get(kind, kind.name)) == kind
    assert len(PageKind) == layout.NR_KINDS


def test_migratetypes_are_those_of_the_kernels() -> None:
    """One number for each type, on both sides, in the kernel's order."""
    for migratetype in Migratetype:
        assert getattr(layout, migratetype.name) == migratetype
    assert len(Migratetype) == layout.NR_TYPES


def test_api_names_are_lower_case() -> None:
    """What the outside world reads."""
    assert PageKind.FILE_CLEAN.api_name == "file_clean"
    assert len({kind.api_name for kind in PageKind}) == len(PageKind)


@pytest.mark.parametrize("name", PRESETS)
def test_arrays_of_preset_have_room_for_every_page_and_list(name: str) -> None:
    """Every page has a byte and a pair a row; every list has a sentinel that is an empty circle."""
    geometry = preset(name)
    nr_pages = max(geometry.chunk_nr_pages, geometry.memory_block_nr_pages)
    arrays = map_node_arrays(nr_pages, geometry, policy("linux-5.19"))
    geo = arrays.geo
    assert arrays.head.size == arrays.owner.size == geo.others + nr_pages
    assert geo.sentinels == geo.others + nr_pages // 2
    rows = arrays.link.size // 2
    assert rows - geo.sentinels >= layout.ZONES_PER_NODE * (geometry.max_order + 1) * layout.NR_TYPES
    circles = arrays.link[2 * geo.sentinels :].reshape(-1, 2)
    assert (circles == circles[:, :1]).all()
    assert (circles[:, 0] == range(geo.sentinels, rows)).all()
    assert not arrays.head.any()


def test_arrays_of_largest_node_fit_their_links() -> None:
    """An int32 reaches the last row of the largest node; the arrays are only mapped."""
    geometry = preset("x86-64")
    arrays = map_node_arrays(LARGEST_NR_PAGES, geometry, policy("linux-5.19"))
    assert arrays.link.size // 2 < 2**31


def resident_kib() -> int:
    """Returns the memory that this process holds."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


def test_arrays_of_one_tebibyte_take_no_memory_untouched() -> None:
    """A mapping of several gigabytes costs a few pages until something is written."""
    geometry = preset("x86-64")
    map_node_arrays(geometry.memory_block_nr_pages, geometry, policy("linux-5.19"))  # loads the kernel
    before = resident_kib()
    arrays = map_node_arrays(TIB // (4 * KIB), geometry, policy("linux-5.19"))
    assert arrays.head.nbytes > 2**28
    assert resident_kib() - before < 4096
