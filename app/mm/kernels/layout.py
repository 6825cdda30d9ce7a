"""How a machine's memory lies in flat arrays, and the smallest kernels that read and write it.

Every page belongs to one *head*: a naturally aligned run of 2**order pages of one kind. The head's byte
stands at the run's first page, `kind | order << 4`; every other page of the run has 0 there.

    pfn       0    1    2    3    4    5    6    7
    kind      free (order 2)      thp  (order 1)  anon free      head = [0x21, 0,0,0, 0x16, 0, 0x03, 0x01]

Bytes and links are grouped by the alignment of their pfn, so that memory that only ever holds chunks
touches three small areas and none of the rest:

    head, owner   [ chunk-aligned | pageblock-aligned | every page ]
    link rows     [ chunk-aligned | pageblock-aligned | every pair of pages | list sentinels ]

Free lists are circular and doubly linked through `link[row] = (next row, previous row)`. Two order-0
buddies are never both free, so a pair of pages shares a row, and a larger block uses the row of its first pair.
Left out: what the kinds mean (app.mm.page), which switches a policy sets (app.mm.policies.policy).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels._jit import inlined, inlined_kernel, int64, internal, kernel


def _numbers(count: int, first: int = 0) -> tuple[int, ...]:
    # numba compiles a kernel anew for every Python literal that it is called with; NumPy scalars are no literals.
    return tuple(int64(number) for number in range(first, first + count))


# --- page kinds; app.mm.page.PageKind gives them names, and a test holds the two together.
NONE, FREE, PCP, ANON, FILE_CLEAN, FILE_DIRTY, THP, HUGETLB = _numbers(8)
PINNED, UNMOVABLE_PAGE, UNMOVABLE_PAGES, RECLAIMABLE_PAGE, RESERVED, OFFLINE, MOVABLE_OPS, HWPOISON = (
    _numbers(8, 8)
)
NR_KINDS = 16

# --- migratetypes, in the kernel's order
UNMOVABLE, MOVABLE, RECLAIMABLE, HIGHATOMIC, CMA, ISOLATE = _numbers(6)
NR_TYPES = 6

# --- zones of a NUMA node, in the kernel's order. A zone's index is its node's number * ZONES_PER_NODE + one of these.
ZONES_PER_NODE = 4
_ZONE_ID_BITS = 2
ZONE_NORMAL, ZONE_MOVABLE = _numbers(2, 2)
# A zonelist is `node before which it ends << ZONELIST_SHIFT | index of its first zone`: see next_zone().
ZONELIST_SHIFT = 8

# A pageblock's byte is its migratetype; where isolation is a bit beside it (G-10), this one.
ISOLATED_BIT = int64(8)

# --- what switches of a policy say, in Geo: merge rules (B-5), retyping (B-6), stealing (B-14 .. B-16), what is
# done about a compound over an edge (I-7), the HIGHATOMIC reserve (B-22 .. B-24)
MERGE_ANY, MERGE_ISOLATE_ONLY, MERGE_FALLBACK_TYPES = range(3)
RETYPE_NO, RETYPE_HEAD, RETYPE_FULL = range(3)
STEAL_MOVE_THEN_DECIDE, STEAL_ALL_OR_NOTHING, STEAL_STEPPED = range(3)
BOUNDARY_NONE, BOUNDARY_MIGRATE, BOUNDARY_HUGETLB, BOUNDARY_DEFER = range(4)
HIGHATOMIC_RESERVED, HIGHATOMIC_ORDER, HIGHATOMIC_FREE = range(3)

# --- what a request may use besides its own type's lists (B-11, B-12), as bits
USES_HIGHATOMIC, USES_CMA = _numbers(2, 1)
# An owner with this bit holds gigantic hugetlb pages, each of several runs (K-3, K-4).
GIGANTIC = int64(0x20000000)

# --- node.stat[zone]: counters in pages, unless said otherwise
S_NR_FREE, S_NR_FREE_CMA, S_MANAGED, S_PRESENT, S_START_PFN, S_END_PFN = range(6)
S_NR_ISOLATE = 6  # pageblocks whose type is ISOLATE
S_WMARK_MIN, S_WMARK_LOW, S_WMARK_HIGH = range(7, 10)
S_RESERVE = 10  # ... +3: lowmem_reserve against a request that prefers zone 0..3 of a node
S_NR_RESERVED_HIGHATOMIC = 14  # pages that the reserve counts, whatever became of them (B-22)
S_NR_FREE_HIGHATOMIC = 15
NR_STAT = 16
# Rows of stat and of nr_free have this many columns: a shift finds a row.
NR_COLUMNS = 16

# --- watermarks, as steps from S_WMARK_MIN; the owner of what belongs to nobody; the order of a single page
AT_MIN, AT_LOW = _numbers(2)
(NOBODY,) = _numbers(1)
(SINGLE,) = _numbers(1)

# --- where a freed block enters its list (B-3)
AT_HEAD, AT_TAIL = _numbers(2)


class Geo(NamedTuple):
    """What never changes: sizes in pages or as orders, how many zones there are, and the switches that kernels ask."""

    max_order: int
    pageblock_order: int
    nr_pages: int
    nr_zones: int  # of all NUMA nodes, populated or not
    nr_chunks: int
    others: int  # where the third group of bytes and rows begins
    sentinels: int  # where the sentinels' rows begin
    pageblock_mask: int
    chunk_shift: int  # max_order - pageblock_order
    merge_rule: int
    retype_rule: int
    counts_by_list: int
    splits_free: int
    steal_rule: int
    highatomic_rule: int
    isolate_bit: int  # ISOLATED_BIT, or 0: then ISOLATE takes the type's place
    keeps_type: int
    boundary: int
    cuts_at_once: int
    edge_ignores_cma: int
    window_is_interest: int
    lookup_head: int


class NodeArrays(NamedTuple):
    """The arrays of all NUMA nodes; kernels change them in place.

    head: uint8[index]. owner: int32[index], the allocation that a head belongs to, 0 = nobody.
    link: int32[2 * row], next and previous. block_type: uint8[pageblock], a migratetype, with ISOLATED_BIT.
    block_zone: uint8[pageblock], zone + 1, or 0 where no memory is online.
    nr_free: int64[cell(zone, order)], entries. stat: int64[cell(zone, S_...)].
    """

    head: NDArray[np.uint8]
    owner: NDArray[np.int32]
    link: NDArray[np.int32]
    block_type: NDArray[np.uint8]
    block_zone: NDArray[np.uint8]
    nr_free: NDArray[np.int64]
    stat: NDArray[np.int64]
    geo: Geo


@inlined
def span(order: int) -> int:
    """Returns 2**order as int64."""
    return int64(1) << int64(order)


# An index is made unsigned right at the subscript: numba then leaves out its test for negative indexes.
@inlined_kernel
def index_of(m: NodeArrays, pfn: int) -> int:
    """Returns where the head byte and the owner of `pfn` stand."""
    if pfn & m.geo.pageblock_mask:
        return m.geo.others + pfn
    block = pfn >> m.geo.pageblock_order
    shift = m.geo.chunk_shift
    chunk = block >> shift
    if (chunk << shift) == block:
        return chunk
    return m.geo.nr_chunks + block


@inlined
def row_of(m: NodeArrays, pfn: int) -> int:
    """Returns the link row of the free block that starts at `pfn`."""
    first = pfn & ~int64(1)
    if first & m.geo.pageblock_mask:
        return m.geo.others + (first >> 1)
    return index_of(m, first)


@inlined
def pfn_of_row(m: NodeArrays, row: int) -> int:
    """Returns the first pfn of the free block whose links stand in `row`; no sentinel."""
    others = m.geo.others
    if row >= others:
        first = (row - others) << 1
    elif row >= m.geo.nr_chunks:
        first = (row - m.geo.nr_chunks) << m.geo.pageblock_order
    else:
        first = row << m.geo.max_order
    # Of a pair that shares a row, the odd page is the free one when the even one is not.
    if int64(m.head[np.uint64(index_of(m, first))]) & 15 == FREE:
        return first
    return first + 1


@inlined_kernel
def head_at(m: NodeArrays, pfn: int) -> int:
    """Returns the head byte at `pfn` as int64; 0 inside a run, and where there is no memory."""
    return int64(m.head[np.uint64(index_of(m, pfn))])


@inlined_kernel
def set_head(m: NodeArrays, pfn: int, kind: int, order: int) -> None:
    """Writes the head byte at `pfn`."""
    m.head[np.uint64(index_of(m, pfn))] = np.uint8(kind | (order << 4))


@inlined_kernel
def clear_head(m: NodeArrays, pfn: int) -> None:
    """Makes `pfn` a page inside some run, or no page at all."""
    m.head[np.uint64(index_of(m, pfn))] = np.uint8(0)


@kernel
def covering_head(m: NodeArrays, pfn: int) -> int:
    """Returns the first pfn of the run that holds `pfn`, or -1 where there is no memory."""
    order = int64(0)
    while order <= m.geo.max_order:
        first = (pfn >> order) << order
        head = head_at(m, first)
        if head and (head >> 4) >= order:
            return first
        order += 1
    return int64(-1)


@internal
def first_run_from(m: NodeArrays, pfn: int) -> int:
    """Returns where the first run starts that begins at `pfn` or later; its zone's memory must not end before."""
    if head_at(m, pfn):
        return pfn
    first = covering_head(m, pfn)
    return pfn if first < 0 else first + span(head_at(m, first) >> 4)


@inlined_kernel
def owner_at(m: NodeArrays, pfn: int) -> int:
    """Returns the allocation that the run at `pfn` belongs to, 0 = nobody."""
    return int64(m.owner[np.uint64(index_of(m, pfn))])


@inlined_kernel
def set_owner(m: NodeArrays, pfn: int, owner: int) -> None:
    """Writes the allocation that the run at `pfn` belongs to."""
    m.owner[np.uint64(index_of(m, pfn))] = owner


@inlined
def next_row(m: NodeArrays, row: int) -> int:
    """Returns the row behind `row` in its list."""
    return int64(m.link[np.uint64(row << 1)])


@inlined
def last_row(m: NodeArrays, opener: int) -> int:
    """Returns the row before `opener`: the last one of the list that it opens."""
    return int64(m.link[np.uint64((opener << 1) | 1)])


@inlined
def join_rows(m: NodeArrays, before: int, after: int) -> None:
    """Makes two rows neighbours in a list."""
    m.link[np.uint64(before << 1)] = after
    m.link[np.uint64((after << 1) | 1)] = before


@inlined
def cell(zone: int, column: int) -> np.uint64:
    """Returns where a zone's column stands in stat and nr_free: rows of 16, so that no shape is multiplied."""
    return np.uint64((zone << 4) | column)


@inlined_kernel
def block_type_of(m: NodeArrays, pfn: int) -> int:
    """Returns the effective migratetype of the pageblock that holds `pfn`: ISOLATE while it is isolated."""
    byte = int64(m.block_type[np.uint64(pfn >> m.geo.pageblock_order)])
    return ISOLATE if byte & ISOLATED_BIT else byte


@inlined
def retype_block(m: NodeArrays, block: int, migratetype: int) -> None:
    """Gives a pageblock another type; an isolate bit beside it stays (G-10)."""
    m.block_type[block] = (int64(m.block_type[block]) & ISOLATED_BIT) | migratetype


@inlined
def kept_type_of(m: NodeArrays, pfn: int) -> int:
    """Returns the migratetype under the isolate bit, of a pageblock that has it or not."""
    return int64(m.block_type[np.uint64(pfn >> m.geo.pageblock_order)]) & ~ISOLATED_BIT


@inlined
def zone_of(m: NodeArrays, pfn: int) -> int:
    """Returns the zone index of `pfn`, or -1 where no memory is online."""
    return int64(m.block_zone[np.uint64(pfn >> m.geo.pageblock_order)]) - 1


@inlined
def id_of_zone(zone: int) -> int:
    """Returns which of its node's zones a zone is."""
    return zone & (ZONES_PER_NODE - 1)


@inlined
def node_of_zone(zone: int) -> int:
    """Returns the NUMA node of a zone."""
    return zone >> _ZONE_ID_BITS


@inlined
def first_zone(zonelist: int) -> int:
    """Returns the zone that requests with this zonelist prefer."""
    return zonelist & (span(ZONELIST_SHIFT) - 1)


@inlined
def next_zone(m: NodeArrays, zone: int, zonelist: int) -> int:
    """Returns the zone that a request turns to after `zone`, or -1 (B-10).

    The zones of a node from the highest that the request may use down, then those of the next node, and around.
    """
    if id_of_zone(zone):
        return zone - 1
    # Nodes are as far from each other as their numbers.
    zone += ZONES_PER_NODE + id_of_zone(zonelist)
    if zone >= m.geo.nr_zones:
        zone -= m.geo.nr_zones
    return int64(-1) if node_of_zone(zone) == zonelist >> ZONELIST_SHIFT else zone


@inlined
def has_buddy(m: NodeArrays, zone: int, buddy: int, order: int) -> bool:
    """Returns whether a free block of exactly `order` starts at `buddy` in the same zone."""
    if head_at(m, buddy) != (FREE | (order << 4)):
        return False
    # Below the pageblock order a buddy lies in the same pageblock, hence in the same zone.
    return order < m.geo.pageblock_order or zone_of(m, buddy) == zone


@internal
def piece_order(m: NodeArrays, pfn: int, nr_pages: int) -> int:
    """Returns the order of the largest naturally aligned piece at `pfn` within `nr_pages`, at most the maximum."""
    order = m.geo.max_order
    while (pfn & (span(order) - 1)) or span(order) > nr_pages:
        order -= 1
    return order
