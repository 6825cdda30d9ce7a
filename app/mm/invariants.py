"""Checking the laws of memory on a node: what is broken, where, and what should be there.

Mirrors semantics section 10, INV-1 to INV-13. All is recomputed from pages, pageblocks and lists:

    INV-1  free blocks aligned, in one zone     INV-8   free counters         INV-11  isolated pageblocks
    INV-2  pages tiled, one state each          INV-9   their bounds          INV-12  HIGHATOMIC lists
    INV-3  free blocks on one list each         INV-10  isolation and lists   INV-13  present, managed, span
    INV-4  list types   INV-5  buddies merged   INV-6   merged types          INV-7   compounds, one owner

INV-4 has a weak form (types that fall back to each other may mix) up to 6.9; INV-6 and INV-12 begin with 5.19.
Left out: the HIGHATOMIC reserve's size (nothing reserves yet), and forms for the middle of a lock section.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels import check, layout
from app.mm.kernels.check import Findings, Recount
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind
from app.mm.policy import KernelPolicy
from app.mm.switches import Accounting, MergeRule
from app.mm.violation import Violation, at_order, no_findings, word_findings
from app.mm.zone import ZONE_NAMES, Zone

# Present pages that a zone does not manage (HP-8).
_UNMANAGED = (PageKind.RESERVED, PageKind.OFFLINE)


class Forms(NamedTuple):
    """Which form of a law a policy can be held to."""

    # INV-4 strictly: a list holds pageblocks of its own type only.
    has_clean_lists: bool
    # INV-6 and INV-12: only types that fall back to each other merge.
    keeps_types_apart: bool


def forms_of(policy: KernelPolicy) -> Forms:
    """Returns the forms that a policy's releases keep."""
    return Forms(policy.accounting is Accounting.LIST, policy.merge_rule is MergeRule.FALLBACK_TYPES)


def verify(node: Node, *, forms: Forms | None = None, is_operating: bool = False) -> list[Violation]:
    """Returns every broken law of a node, a few places of each; none in a sound one. Linear in runs.

    forms: by default the policy's own. is_operating: an operation holds pageblocks isolated meanwhile.
    Ends on any content of the arrays; their sizes and the node's geometry are taken for granted.
    """
    forms = forms or forms_of(node.policy)
    findings, recount = _walk(node, forms)
    broken = [
        *word_findings(node, findings),
        *_stray_violations(node, recount),
        *_list_violations(node, recount),
        *_pcp_violations(node, recount),
        *_pageblock_violations(node),
        *_memory_block_violations(node),
    ]
    for zone in node.zones:
        broken += _zone_violations(node, zone, recount)
        broken += _isolation_violations(node, zone, is_operating=is_operating)
        broken += _span_violations(node, zone)
    return broken


def _walk(node: Node, forms: Forms) -> tuple[Findings, Recount]:
    """Walks all pages and all lists; forgets what the policy is known to do."""
    orders = (layout.NR_ZONES, node.geometry.max_order + 1)
    findings = no_findings()
    recount = Recount(
        kinds=np.zeros((layout.NR_ZONES, layout.NR_KINDS), np.int64),
        free=np.zeros((layout.NR_ZONES, layout.NR_TYPES), np.int64),
        heads=np.zeros(orders, np.int64),
        entries=np.zeros(orders, np.int64),
        runs=np.zeros(2, np.int64),
    )
    check.walk_pages(node.arrays, recount, findings)
    check.walk_lists(node.arrays, int(forms.has_clean_lists), recount, findings)
    if not forms.keeps_types_apart:
        findings.nr[[check.F_MIXED, check.F_LIST_HIGHATOMIC]] = 0
    return findings, recount


def _stray_violations(node: Node, recount: Recount) -> Iterator[Violation]:
    """Looks for bytes that belong to no run, if there are more bytes than runs."""
    bytes_there = np.array([np.count_nonzero(node.arrays.head), np.count_nonzero(node.arrays.owner)])
    if (bytes_there == recount.runs).all():
        return
    strays = no_findings()
    check.find_strays(node.arrays, strays)
    yield from word_findings(node, strays)
    unread = int((bytes_there - recount.runs).sum() - strays.nr.sum())
    if unread:
        yield Violation("INV-2", "where no page's byte or owner stands", "0", f"{unread} others")


def _list_violations(node: Node, recount: Recount) -> Iterator[Violation]:
    """Compares free blocks, list entries and the counters of entries, by zone and order."""
    heads, entries, nr_free = recount.heads, recount.entries, node.nr_free
    for zone, order in np.argwhere(heads != entries).tolist():
        expected = f"{heads[zone, order]} free blocks on lists"
        yield Violation("INV-3", at_order(zone, order), expected, f"{entries[zone, order]} on lists")
    if (heads != entries).any():
        yield from _unlisted_violations(node)
    for zone, order in np.argwhere(nr_free != entries).tolist():
        expected = f"nr_free {entries[zone, order]}, counted anew"
        yield Violation("INV-3", at_order(zone, order), expected, f"{nr_free[zone, order]}")


def _unlisted_violations(node: Node) -> Iterator[Violation]:
    is_listed = np.zeros(node.arrays.head.shape, np.uint8)
    check.mark_entries(node.arrays, is_listed)
    findings = no_findings()
    check.find_unlisted(node.arrays, is_listed, findings)
    yield from word_findings(node, findings)


def _zone_violations(node: Node, zone: Zone, recount: Recount) -> Iterator[Violation]:
    """Compares a zone's counters with what was counted, and with their bounds."""
    where = f"zone {zone.name}"
    free, kinds = recount.free[zone.index], recount.kinds[zone.index]
    nr_free = int(free.sum() - free[Migratetype.ISOLATE])
    managed = int(kinds.sum()) - sum(int(kinds[kind]) for kind in _UNMANAGED)
    order = node.geometry.pageblock_order
    blocks = _count_pageblocks(node, zone)
    yield from _differs("INV-8", f"{where}, NR_FREE", nr_free, zone.nr_free)
    yield from _differs("INV-8", f"{where}, NR_FREE_CMA", int(free[Migratetype.CMA]), zone.nr_free_cma)
    yield from _out_of_bounds(f"{where}, NR_FREE", managed, zone.nr_free)
    yield from _out_of_bounds(f"{where}, NR_FREE_CMA", blocks[Migratetype.CMA] << order, zone.nr_free_cma)
    yield from _differs("INV-13", f"{where}, present", sum(blocks) << order, zone.present)
    yield from _differs("INV-13", f"{where}, managed", managed, zone.managed)


def _differs(law: str, where: str, expected: int, found: int) -> Iterator[Violation]:
    if expected != found:
        yield Violation(law, where, f"{expected}, counted anew", str(found))


def _out_of_bounds(where: str, limit: int, counter: int) -> Iterator[Violation]:
    if not 0 <= counter <= limit:
        yield Violation("INV-9", where, f"0 to {limit}", str(counter))


def _isolation_violations(node: Node, zone: Zone, *, is_operating: bool) -> Iterator[Violation]:
    """Compares nr_isolate with the isolated pageblocks; there are none while nothing goes on."""
    isolated = _count_pageblocks(node, zone)[Migratetype.ISOLATE]
    yield from _differs("INV-11", f"zone {zone.name}, nr_isolate", isolated, zone.nr_isolate)
    if isolated and not is_operating:
        yield Violation(
            "INV-11", f"zone {zone.name}", "no pageblock isolated at rest", f"{isolated} isolated"
        )


def _span_violations(node: Node, zone: Zone) -> Iterator[Violation]:
    """Looks for pageblocks outside the zone's span."""
    blocks = np.flatnonzero(node.arrays.block_zone == zone.index + 1)
    if not len(blocks):
        return
    order = node.geometry.pageblock_order
    first, end = int(blocks[0]) << order, int(blocks[-1] + 1) << order
    if zone.start_pfn > first or zone.end_pfn < end:
        found = f"[{zone.start_pfn}, {zone.end_pfn})"
        yield Violation("INV-13", f"zone {zone.name}, span", f"all of [{first}, {end})", found)


def _count_pageblocks(node: Node, zone: Zone) -> list[int]:
    """Returns the zone's pageblocks by type; those of no known type count as the first."""
    types: NDArray[np.uint8] = node.arrays.block_type[node.arrays.block_zone == zone.index + 1]
    known = np.where(types < layout.NR_TYPES, types, 0)
    return [int(count) for count in np.bincount(known, minlength=layout.NR_TYPES)]


def _pcp_violations(node: Node, recount: Recount) -> Iterator[Violation]:
    """Compares the pages known to be on per-cpu lists with the pages of that kind."""
    known: list[int] = node.pcp_pfns.tolist()
    wrong = [pfn for pfn in known if node.kind_of(pfn) is not PageKind.PCP]
    for pfn in wrong[: check.MOST_PLACES]:
        yield Violation("INV-2", f"pfn {pfn}", "a page of kind pcp", node.kind_of(pfn).api_name)
    yield from _differs(
        "INV-2", "pages on per-cpu lists", int(recount.kinds[:, PageKind.PCP].sum()), len(set(known))
    )


def _pageblock_violations(node: Node) -> Iterator[Violation]:
    """Looks for bytes that name no zone, or no type."""
    zones, types = node.arrays.block_zone, node.arrays.block_type
    order = node.geometry.pageblock_order
    for block in np.flatnonzero(zones > layout.NR_ZONES)[: check.MOST_PLACES].tolist():
        yield Violation("INV-1", f"pageblock at pfn {block << order}", "a zone", f"byte {zones[block]}")
    for block in np.flatnonzero((types >= layout.NR_TYPES) & (zones > 0))[: check.MOST_PLACES].tolist():
        yield Violation(
            "INV-4", f"pageblock at pfn {block << order}", "a migratetype", f"byte {types[block]}"
        )


def _memory_block_violations(node: Node) -> Iterator[Violation]:
    """Compares the memory blocks' states with the pageblocks that are in a zone."""
    blocks = node.memory_blocks
    rows = node.arrays.block_zone.reshape(len(blocks), -1)
    has_memory: NDArray[np.bool_] = np.asarray(rows.any(axis=1))
    for block_id in range(len(blocks)):
        zone = blocks.zone_id(block_id)
        where = f"memory block {block_id}"
        if zone is None and has_memory[block_id]:
            yield Violation(
                "INV-13", where, "no page in a zone", f"{blocks.state(block_id)}, pages in a zone"
            )
        elif zone is not None and not (rows[block_id] == zone + 1).any():
            yield Violation("INV-13", where, f"pages in zone {ZONE_NAMES[zone]}", "online, none there")
