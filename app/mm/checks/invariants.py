"""Checking the laws of memory on a node: what is broken, where, what should be there, and whose bug it is.

Mirrors semantics section 10, INV-1 to INV-16 and INV-29; checks.laws has them as sentences. All is recomputed from
pages, pageblocks, lists and areas:

    INV-1  free blocks aligned, in one zone     INV-8   free counters         INV-13  present, managed, span
    INV-2  pages tiled, one state each          INV-9   their bounds          INV-15  no kernel page where none may be
    INV-3  free blocks on one list each         INV-10  isolation and lists   INV-16  CMA areas (checks.area_check)
    INV-4  list types   INV-5  buddies merged   INV-11  isolated pageblocks   INV-29  watermarks
    INV-6  merged types INV-7  compounds        INV-12  HIGHATOMIC reserve

Left out: laws about an operation, which compare before and after (checks.ownership).
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.mm.checks.area_check import area_breaches
from app.mm.checks.laws import Sign
from app.mm.checks.violation import Breach, Violation, at_order, no_findings, weigh, word_findings
from app.mm.kernels import check, layout, search
from app.mm.kernels.check import Recount
from app.mm.kernels.findings import MOST_PLACES, Findings
from app.mm.memory_block import MemoryBlockState
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind
from app.mm.policies.switches import Accounting, HighatomicRule
from app.mm.watermark import MinFree, min_free_kbytes, zone_watermarks
from app.mm.zone import ZoneId, zone_index, zone_label
from app.units import align_up

_Numbers = NDArray[np.int64]


class _Counter(NamedTuple):
    """A counter of stat: the law that it keeps, and what it is a sign of when it is too high or too low.

    listed: the list types whose pages it counts; empty when it counts no free pages.
    """

    law: str
    name: str
    column: int
    high: Sign = Sign.IMPOSSIBLE
    low: Sign = Sign.IMPOSSIBLE
    listed: tuple[Migratetype, ...] = ()


_COUNTED_TYPES = tuple(migratetype for migratetype in Migratetype if migratetype is not Migratetype.ISOLATE)
_COUNTERS = (
    _Counter("INV-8", "NR_FREE", layout.S_NR_FREE, Sign.FREE_HIGH, Sign.FREE_LOW, _COUNTED_TYPES),
    _Counter("INV-8", "NR_FREE_CMA", layout.S_NR_FREE_CMA, Sign.CMA_HIGH, Sign.CMA_LOW, (Migratetype.CMA,)),
    _Counter(
        "INV-8",
        "nr_free_highatomic",
        layout.S_NR_FREE_HIGHATOMIC,
        Sign.FREE_HIGHATOMIC,
        Sign.FREE_HIGHATOMIC,
        (Migratetype.HIGHATOMIC,),
    ),
    _Counter("INV-11", "nr_isolate", layout.S_NR_ISOLATE, Sign.ISOLATE_HIGH),
    _Counter(
        "INV-12",
        "nr_reserved_highatomic",
        layout.S_NR_RESERVED_HIGHATOMIC,
        Sign.RESERVE_HIGH,
        Sign.RESERVE_LOW,
    ),
    _Counter("INV-13", "present", layout.S_PRESENT),
    _Counter("INV-13", "managed", layout.S_MANAGED),
    _Counter("INV-13", "first page of the span", layout.S_START_PFN),
    _Counter("INV-13", "end of the span", layout.S_END_PFN),
)
_BY_COLUMN = {counter.column: counter for counter in _COUNTERS}


_FREE = (Sign.FREE_HIGH, Sign.FREE_LOW)
_CMA = (Sign.CMA_HIGH, Sign.CMA_LOW)


def verify(node: Node, *, is_operating: bool = False) -> list[Violation]:
    """Returns every broken law of a node, a few places of each; none in a sound one. Linear in runs.

    is_operating: an operation is in the middle; only laws that hold between two lock sections are looked at.
    Ends on any content of the arrays; their sizes and the node's geometry are taken for granted.
    """
    findings, recount = _recount(node)
    breaches = [
        *word_findings(node, findings),
        *_stray_breaches(node, recount),
        *_list_breaches(node, recount),
        *_counter_breaches(node, recount),
        *_pcp_breaches(node, recount),
        *_watermark_breaches(node),
        *_memory_block_breaches(node),
        *area_breaches(node),
    ]
    if not is_operating:
        breaches += _isolated_breaches(recount)
    return weigh(node, breaches, is_operating=is_operating) if breaches else []


def _recount(node: Node) -> tuple[Findings, Recount]:
    """Walks all pageblocks, pages and lists."""
    nr_zones = len(node.zones)
    by_order = (nr_zones, node.geometry.max_order + 1)
    by_type = (nr_zones, layout.NR_TYPES)
    recount = Recount(
        kinds=np.zeros((nr_zones, layout.NR_KINDS), np.int64),
        free=np.zeros(by_type, np.int64),
        listed=np.zeros(by_type, np.int64),
        heads=np.zeros(by_order, np.int64),
        entries=np.zeros(by_order, np.int64),
        blocks=np.zeros(by_type, np.int64),
        runs=np.zeros(2, np.int64),
        stat=node.stat.copy(),
    )
    findings = no_findings()
    is_strict = int(node.policy.accounting is Accounting.LIST)
    check.recount_node(node.arrays, is_strict, recount, findings)
    return findings, recount


def _is_equal(mine: _Numbers, theirs: _Numbers) -> bool:
    # For a few numbers a third of what == and all() cost.
    return mine.tobytes() == theirs.tobytes()


def _stray_breaches(node: Node, recount: Recount) -> Iterator[Breach]:
    """Looks for bytes that belong to no run, if there are more bytes than runs."""
    heads, owners = np.count_nonzero(node.arrays.head), np.count_nonzero(node.arrays.owner)
    unread = int(heads + owners - recount.runs.sum())
    if recount.runs.tolist() == [heads, owners]:
        return
    strays = no_findings()
    search.find_strays(node.arrays, strays)
    yield from word_findings(node, strays)
    unread -= int(strays.nr.sum())
    if unread:
        yield Breach("INV-2", "where no page's byte or owner stands", "0", f"{unread} others")


def _list_breaches(node: Node, recount: Recount) -> Iterator[Breach]:
    """Compares free blocks, list entries and the counters of entries, by zone and order."""
    heads, entries, nr_free = recount.heads, recount.entries, node.nr_free
    if not _is_equal(heads, entries):
        for zone, order in np.argwhere(heads != entries).tolist():
            expected = f"{heads[zone, order]} free blocks on lists"
            yield Breach("INV-3", at_order(zone, order), expected, f"{entries[zone, order]} on lists")
        yield from _unlisted_breaches(node)
    if not _is_equal(nr_free, entries):
        for zone, order in np.argwhere(nr_free != entries).tolist():
            expected = f"nr_free {entries[zone, order]}, counted anew"
            yield Breach("INV-3", at_order(zone, order), expected, f"{nr_free[zone, order]}")


def _unlisted_breaches(node: Node) -> Iterator[Breach]:
    is_listed = np.zeros(node.arrays.head.shape, np.uint8)
    search.mark_entries(node.arrays, is_listed)
    findings = no_findings()
    search.find_unlisted(node.arrays, is_listed, findings)
    yield from word_findings(node, findings)


def _counter_breaches(node: Node, recount: Recount) -> Iterator[Breach]:
    """Compares each zone's counters with what was counted, and wrong ones with their bounds."""
    if not _is_equal(node.stat, recount.stat):
        for zone, column in np.argwhere(node.stat != recount.stat).tolist():
            counter = _BY_COLUMN[column]
            right, found = int(recount.stat[zone, column]), int(node.stat[zone, column])
            listed = int(recount.listed[zone, list(counter.listed)].sum()) if counter.listed else right
            where = f"{zone_label(zone)}, {counter.name}"
            sign = _sign_of(node, counter, found, right=right, listed=listed)
            yield Breach(counter.law, where, f"{right}, counted anew", str(found), sign)
        yield from _bound_breaches(node, recount)
    if node.cma_areas:
        total = sum(area.nr_pages for area in node.cma_areas.values())
        nr_free_cma = int(node.stat[:, layout.S_NR_FREE_CMA].sum())
        yield from _out_of_bounds("all zones, NR_FREE_CMA", nr_free_cma, total, signs=_CMA)


def _sign_of(node: Node, counter: _Counter, found: int, *, right: int, listed: int) -> Sign:
    """Returns what a wrong counter is a sign of; listed: what it would be if lists and pageblocks agreed."""
    if found == listed != right and counter.high in (Sign.FREE_HIGH, Sign.CMA_HIGH):
        return Sign.AS_LISTED
    if found < min(right, listed):
        return counter.low
    # Where all memory is one memory block, none of it ever went.
    may_have_gone = counter.high is Sign.RESERVE_HIGH and len(node.memory_blocks) > 1
    return Sign.RESERVE_HIGH_HOTPLUG if may_have_gone else counter.high


def _bound_breaches(node: Node, recount: Recount) -> Iterator[Breach]:
    """Looks for free counters that cannot be true.

    Where no area says how much CMA there is, its pageblocks do; one that is isolated in its type's place may be one.
    """
    blocks = recount.blocks[:, Migratetype.CMA] + recount.blocks[:, Migratetype.ISOLATE]
    most_cma: list[int] = (blocks << node.geometry.pageblock_order).tolist()
    managed: list[int] = recount.stat[:, layout.S_MANAGED].tolist()
    for zone in node.zones:
        where = zone.label
        yield from _out_of_bounds(f"{where}, NR_FREE", zone.nr_free, managed[zone.index], signs=_FREE)
        if not node.cma_areas:
            yield from _out_of_bounds(
                f"{where}, NR_FREE_CMA", zone.nr_free_cma, most_cma[zone.index], signs=_CMA
            )


def _out_of_bounds(where: str, counter: int, limit: int, *, signs: tuple[Sign, Sign]) -> Iterator[Breach]:
    if not 0 <= counter <= limit:
        high, low = signs
        yield Breach("INV-9", where, f"0 to {limit}", str(counter), high if counter > limit else low)


def _isolated_breaches(recount: Recount) -> Iterator[Breach]:
    """Looks for pageblocks that are isolated although nothing goes on."""
    isolated: list[int] = recount.stat[:, layout.S_NR_ISOLATE].tolist()
    for zone, count in enumerate(isolated):
        if count:
            yield Breach("INV-11", zone_label(zone), "no pageblock isolated at rest", f"{count} isolated")


def verify_reserves(node: Node) -> list[Violation]:
    """Returns the HIGHATOMIC reserves that are above their limit (INV-12, B-22).

    Apart from verify(): the law is about reserves that the kernel made, and a picture or a machine may bring any.
    """
    return weigh(node, _reserve_breaches(node))


def _reserve_breaches(node: Node) -> Iterator[Breach]:
    for zone in node.zones:
        pages, limit = zone.nr_reserved_highatomic, _most_reserved(node, zone.managed)
        if pages > limit:
            was_possible = pages <= _most_reserved(node, node.nr_pages)
            sign = Sign.RESERVE_ABOVE_LIMIT if was_possible else Sign.IMPOSSIBLE
            where = f"{zone.label}, nr_reserved_highatomic"
            yield Breach("INV-12", where, f"at most {limit}", str(pages), sign)


def _most_reserved(node: Node, managed: int) -> int:
    """Returns the limit and one reservation more, which may begin just below it."""
    rule, geometry = node.policy.highatomic_rule, node.geometry
    unit, hundredth = geometry.pageblock_nr_pages, managed // 100
    # B-24: from 6.10 on, one reservation may be of a whole chunk.
    largest = unit if rule is HighatomicRule.RESERVED else geometry.chunk_nr_pages
    if rule is not HighatomicRule.FREE:
        return hundredth + unit - 1 + largest
    return align_up(hundredth, unit) - 1 + largest if hundredth >= unit else 0


def _pcp_breaches(node: Node, recount: Recount) -> Iterator[Breach]:
    """Compares the pages known to be on per-cpu lists with the pages of that kind."""
    counted = int(recount.kinds[:, PageKind.PCP].sum())
    if not counted and not node.pcp_pfns.size:
        return
    known: list[int] = node.pcp_pfns.tolist()
    wrong = [pfn for pfn in known if node.kind_of(pfn) is not PageKind.PCP]
    for pfn in wrong[:MOST_PLACES]:
        yield Breach("INV-2", f"pfn {pfn}", "a page of kind pcp", node.kind_of(pfn).api_name)
    if counted != len(set(known)):
        yield Breach("INV-2", "pages on per-cpu lists", f"{counted}, counted anew", str(len(set(known))))


def verify_watermarks(node: Node) -> list[Violation]:
    """Returns the laws of watermarks that are broken, alone: whether marks that were found elsewhere can be."""
    return weigh(node, _watermark_breaches(node))


def _watermark_breaches(node: Node) -> Iterator[Breach]:
    """Checks the order of watermarks, and that the minima are no more than there is to share (B-19).

    Recorded: releases compute them when memory blocks go on or offline, not when virtio-mem takes pages; so what
    is present bounds what was managed then. Where nothing was computed yet, all are 0.
    """
    marks: list[list[int]] = node.stat[:, layout.S_WMARK_MIN : layout.S_WMARK_HIGH + 1].tolist()
    for zone, (low_end, low, high) in enumerate(marks):
        if not 0 <= low_end <= low <= high:
            where = f"{zone_label(zone)}, watermarks"
            yield Breach("INV-29", where, "min <= low <= high", f"{low_end}, {low}, {high}")
    minima = sum(low_end for low_end, _, _ in marks)
    if not minima:
        return
    sizes = (node.geometry.page_size, node.geometry.pageblock_nr_pages)
    present = tuple(node.stat[:, layout.S_PRESENT].tolist())
    shares = node.policy.movable_shares_min_free
    most = _most_minima(present, sizes, node.min_free, movable_shares=shares)
    if minima > most:
        yield Breach("INV-29", "all zones, min", f"at most {most}", str(minima))


@lru_cache(maxsize=64)
def _most_minima(
    present: tuple[int, ...], sizes: tuple[int, int], rule: MinFree, *, movable_shares: bool
) -> int:
    """Returns the most that the minima of all zones may be together, in pages."""
    kbytes = min_free_kbytes(present, [0] * len(present), sizes, rule, movable_shares=movable_shares)
    min_pages = kbytes * 1024 // sizes[0]
    marks = zone_watermarks(present, min_pages, rule.scale_factor, movable_shares=movable_shares)
    # What zones keep above their marks counts, and marks depend on earlier ones: a little more is possible.
    min_pages += min_pages // 64
    movable = marks[ZoneId.MOVABLE :: len(ZoneId)]
    return min_pages if movable_shares else min_pages + sum(mark.min for mark in movable)


def _memory_block_breaches(node: Node) -> Iterator[Breach]:
    """Compares the memory blocks' states with the pageblocks that are in a zone."""
    blocks = node.memory_blocks
    zones = node.arrays.block_zone.tobytes()
    count = node.geometry.pageblocks_per_memory_block
    for block_id in range(len(blocks)):
        zone, here = blocks.zone_id(block_id), zones[block_id * count : (block_id + 1) * count]
        where, state = f"memory block {block_id}", blocks.state(block_id)
        if state is not MemoryBlockState.ONLINE and any(here):
            yield Breach("INV-13", where, "no page in a zone", f"{state}, pages in a zone")
        if zone is None:
            continue
        index = zone_index(blocks.numa_node(block_id), zone)
        if index + 1 not in here:
            yield Breach("INV-13", where, f"pages in {zone_label(index)}", "online, none there")
