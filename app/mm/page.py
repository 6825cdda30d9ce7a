"""What a page can be, and the arrays that say it of every page of a machine.

Mirrors struct page, the memmap and enum migratetype (semantics section 3; head bytes: kernels.layout).
Kept here: the names of kinds and types, and how much address space the arrays take.
Left out: zones and lists (app.mm.zone, app.mm.kernels).
"""

import mmap
from enum import IntEnum, IntFlag

import numpy as np
from numpy.typing import DTypeLike, NDArray

from app.mm.geometry import Geometry
from app.mm.kernels import layout
from app.mm.kernels.buddy import empty_lists
from app.mm.kernels.layout import Geo, NodeArrays
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.switches import (
    Accounting,
    Boundary,
    HighatomicRule,
    IsolateStore,
    MergeRule,
    RetypeOnMerge,
    StealRule,
    UndoType,
    UnmovableWindow,
)


class PageKind(IntEnum):
    """One state for every page (section 3)."""

    NONE = 0  # no memory, or a page inside a run
    FREE = 1  # in the buddy
    PCP = 2  # free, but on a per-cpu list: neither free nor migratable until drained
    ANON = 3
    FILE_CLEAN = 4  # page cache that a contiguous allocation drops instead of copying
    FILE_DIRTY = 5
    THP = 6
    HUGETLB = 7
    PINNED = 8  # looks like anon, but migration fails on its reference count
    UNMOVABLE = 9  # slab, page tables, other kernel memory; a compound above order 0
    UNMOVABLE_PAGES = 10  # kernel memory without compound heads: later pages show no reference (K-2)
    RECLAIMABLE = 11
    RESERVED = 12
    OFFLINE = 13  # unplugged by virtio-mem
    MOVABLE_OPS = 14
    HWPOISON = 15

    @property
    def api_name(self) -> str:
        """The kind as the outside world reads it: "anon", "file_clean", "unmovable"."""
        return self.name.lower()


class Migratetype(IntEnum):
    """Types of pageblocks and free lists, in the kernel's order."""

    UNMOVABLE = 0
    MOVABLE = 1
    RECLAIMABLE = 2
    HIGHATOMIC = 3
    CMA = 4
    ISOLATE = 5


class Request(IntFlag):
    """What an allocation asks for besides order and kind (B-10)."""

    NONE = 0
    HIGHATOMIC = 1  # tries the HIGHATOMIC lists first, and reserves its pageblock afterwards (B-12, B-22)
    NO_CMA = 2  # may not use CMA although it is movable (B-11)


# An int32 link must reach every row: half as many rows as pages, and pfns stay far from the edge.
LARGEST_NR_PAGES = 2**31

# Python 3.11's mmap does not name it everywhere; the value is Linux's.
_MAP_NORESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000)
_ALIGNMENT = 64

_MERGE_RULES = {
    MergeRule.ANY: layout.MERGE_ANY,
    MergeRule.ISOLATE_ONLY: layout.MERGE_ISOLATE_ONLY,
    MergeRule.FALLBACK_TYPES: layout.MERGE_FALLBACK_TYPES,
}
_RETYPE_RULES = {
    RetypeOnMerge.NO: layout.RETYPE_NO,
    RetypeOnMerge.HEAD: layout.RETYPE_HEAD,
    RetypeOnMerge.FULL: layout.RETYPE_FULL,
}
_STEAL_RULES = {
    StealRule.MOVE_THEN_DECIDE: layout.STEAL_MOVE_THEN_DECIDE,
    StealRule.ALL_OR_NOTHING: layout.STEAL_ALL_OR_NOTHING,
    StealRule.STEPPED: layout.STEAL_STEPPED,
}
_HIGHATOMIC_RULES = {
    HighatomicRule.RESERVED: layout.HIGHATOMIC_RESERVED,
    HighatomicRule.ORDER: layout.HIGHATOMIC_ORDER,
    HighatomicRule.FREE: layout.HIGHATOMIC_FREE,
}
_BOUNDARIES = {
    Boundary.NONE: layout.BOUNDARY_NONE,
    Boundary.MIGRATE: layout.BOUNDARY_MIGRATE,
    Boundary.HUGETLB: layout.BOUNDARY_HUGETLB,
    Boundary.DEFER: layout.BOUNDARY_DEFER,
}


def effective_types(block_types: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the types that pageblock bytes stand for: ISOLATE where one is isolated, however that is kept."""
    isolated = np.uint8(Migratetype.ISOLATE)
    types: NDArray[np.uint8] = np.where(block_types & np.uint8(layout.ISOLATED_BIT), isolated, block_types)
    return types


def kept_types(block_types: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the types of pageblock bytes without the isolate bit; ISOLATE where it took the type's place."""
    return block_types & np.uint8(~layout.ISOLATED_BIT & 0xFF)


def _plan(nr_pages: int, geometry: Geometry, nr_zones: int) -> dict[str, tuple[DTypeLike, tuple[int, ...]]]:
    """Returns dtype and shape of every array, by its name in NodeArrays."""
    nr_pageblocks = nr_pages >> geometry.pageblock_order
    others = (nr_pages >> geometry.max_order) + nr_pageblocks
    nr_cells = nr_zones * layout.NR_COLUMNS
    # Eight rows for the six types of an order, so that shifts find a sentinel.
    rows = others + nr_pages // 2 + 8 * nr_cells
    return {
        "head": (np.uint8, (others + nr_pages,)),
        "owner": (np.int32, (others + nr_pages,)),
        "link": (np.int32, (2 * rows,)),
        "block_type": (np.uint8, (nr_pageblocks,)),
        "block_zone": (np.uint8, (nr_pageblocks,)),
        "nr_free": (np.int64, (nr_cells,)),
        "stat": (np.int64, (nr_cells,)),
    }


def _map(plan: dict[str, tuple[DTypeLike, tuple[int, ...]]], geo: Geo) -> NodeArrays:
    """Lays the arrays into one anonymous mapping: zeros that take no memory until they are written."""
    sizes = {name: int(np.prod(shape)) * np.dtype(dtype).itemsize for name, (dtype, shape) in plan.items()}
    total = sum(-(-size // _ALIGNMENT) * _ALIGNMENT for size in sizes.values())
    mapping = mmap.mmap(-1, total, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        # A huge page behind one touched byte would cost 2 MiB.
        mapping.madvise(mmap.MADV_NOHUGEPAGE)
    arrays: dict[str, NDArray[np.generic]] = {}
    offset = 0
    for name, (dtype, shape) in plan.items():
        arrays[name] = np.frombuffer(mapping, dtype, int(np.prod(shape)), offset).reshape(shape)
        offset += -(-sizes[name] // _ALIGNMENT) * _ALIGNMENT
    return NodeArrays(geo=geo, **arrays)  # type: ignore[arg-type]  # the plan's dtypes are NodeArrays' own


def map_node_arrays(
    nr_pages: int, geometry: Geometry, policy: KernelPolicy, *, nr_numa_nodes: int = 1
) -> NodeArrays:
    """Returns the arrays of memory whose pfns end below `nr_pages`, a multiple of the chunk: nothing online yet.

    Takes address space in proportion to nr_pages, and memory only for what is written.
    """
    nr_chunks = nr_pages >> geometry.max_order
    others = nr_chunks + (nr_pages >> geometry.pageblock_order)
    nr_zones = nr_numa_nodes * layout.ZONES_PER_NODE
    sizes = {
        "nr_zones": nr_zones,
        "max_order": geometry.max_order,
        "pageblock_order": geometry.pageblock_order,
        "nr_pages": nr_pages,
        "nr_chunks": nr_chunks,
        "others": others,
        "sentinels": others + nr_pages // 2,
        "pageblock_mask": geometry.pageblock_nr_pages - 1,
        "chunk_shift": geometry.max_order - geometry.pageblock_order,
    }
    m = _map(_plan(nr_pages, geometry, nr_zones), Geo(**sizes, **_kernel_switches(policy)))
    empty_lists(m)
    return m


def _kernel_switches(policy: KernelPolicy) -> dict[str, int]:
    """Returns the switches that kernels ask, as the numbers that they know them by."""
    return {
        "merge_rule": _MERGE_RULES[policy.merge_rule],
        "retype_rule": _RETYPE_RULES[policy.retype_on_merge],
        "counts_by_list": int(policy.accounting is Accounting.LIST),
        "splits_free": int(policy.split_on_free),
        "steal_rule": _STEAL_RULES[policy.steal_rule],
        "highatomic_rule": _HIGHATOMIC_RULES[policy.highatomic_rule],
        "isolate_bit": int(layout.ISOLATED_BIT) if policy.isolate_store is IsolateStore.BIT else 0,
        "keeps_type": int(policy.undo_type is UndoType.SAVED),
        "boundary": _BOUNDARIES[policy.boundary],
        "cuts_at_once": int(policy.atomic_cut),
        "edge_ignores_cma": int(policy.edge_ignores_cma),
        "window_is_interest": int(policy.unmovable_window is UnmovableWindow.INTEREST),
        "lookup_head": int(policy.lookup_compound_head),
    }
