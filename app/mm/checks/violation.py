"""Broken laws in words: which law each finding of the checking kernels breaks, where, and what should be there.

Mirrors semantics section 10 (INV-1 to INV-7, INV-10, INV-12, INV-15).
Left out: finding them (app.mm.kernels.check), counters (checks.invariants), what policies break (checks.causes).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from app.mm.checks.causes import excused_signs
from app.mm.checks.laws import LAWS, Sign, Weight
from app.mm.kernels import findings as kernels
from app.mm.kernels import layout
from app.mm.kernels.findings import MOST_PLACES, Findings
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind, effective_types
from app.mm.zone import zone_label

# Kinds whose runs are only tiles: a misplaced one is no broken compound.
_TILES = frozenset({PageKind.NONE, PageKind.RESERVED, PageKind.OFFLINE})


class Violation(NamedTuple):
    """One broken law: its id, the place, two phrases, and whose bug it is. JSON-ready as _asdict()."""

    id: str
    where: str
    expected: str
    found: str
    weight: Weight = Weight.FAILURE


class Breach(NamedTuple):
    """A broken law before it is weighed; `sign` tells what may have broken it."""

    id: str
    where: str
    expected: str
    found: str
    sign: Sign = Sign.IMPOSSIBLE


class _Place(NamedTuple):
    """Where a kernel found something, and two numbers that say more (see kernels.findings)."""

    pfn: int
    more: int
    found: int


def weigh(node: Node, breaches: Iterable[Breach], *, is_operating: bool = False) -> list[Violation]:
    """Returns breaches as violations: findings as far as the node's policy has a cause for the sign.

    is_operating: an operation is in the middle, so that only laws that hold there are looked at.
    """
    excused = excused_signs(node.policy, node.geometry, is_operating=is_operating)
    weighed = []
    for breach in breaches:
        law = LAWS[breach.id]
        if law.is_midway or not is_operating:
            is_excused = breach.sign in excused and breach.sign in law.signs
            weighed.append(Violation(*breach[:4], Weight.FINDING if is_excused else Weight.FAILURE))
    return weighed


def no_findings() -> Findings:
    """Returns an empty record for the checking kernels."""
    shape = (kernels.NR_FINDINGS, MOST_PLACES, 3)
    return Findings(np.zeros(kernels.NR_FINDINGS, np.int64), np.zeros(shape, np.int64))


def word_findings(node: Node, findings: Findings) -> Iterator[Breach]:
    """Yields what kernels found in words, and how many more there are than places were kept."""
    for what in np.flatnonzero(findings.nr).tolist():
        count = int(findings.nr[what])
        places = findings.places[what, :count].tolist()
        worded = [_WORDS[what](node, _Place(*place)) for place in places]
        yield from worded
        if count > len(worded):
            yield worded[-1]._replace(where="elsewhere", found=f"{count - len(worded)} more")


def at_page(node: Node, pfn: int) -> str:
    """Names a page and its zone."""
    zone = int(node.arrays.block_zone[pfn >> node.geometry.pageblock_order])
    name = zone_label(zone - 1) if 0 < zone <= len(node.zones) else "no zone"
    return f"{name}, pfn {pfn}"


def at_order(zone: int, order: int) -> str:
    """Names the free lists of one order."""
    return f"{zone_label(zone)}, order {order}"


def _name_head(head: int) -> str:
    return f"{PageKind(head & 15).api_name} of order {head >> 4}" if head else "no head"


def _name_type(migratetype: int) -> str:
    return Migratetype(migratetype).name if 0 <= migratetype < layout.NR_TYPES else f"type {migratetype}"


def _name_list(number: int) -> str:
    where = at_order(int(kernels.zone_of_list(number)), int(kernels.order_of_list(number)))
    return f"list {_name_type(int(kernels.type_of_list(number)))} of {where}"


def _sign_of_types(node: Node, order: int, types: set[int]) -> Sign:
    """Returns what it is a sign of when these types are together in a free page or on its list."""
    if Migratetype.ISOLATE in types:
        return Sign.ISOLATED_PART if order > node.geometry.pageblock_order else Sign.ISOLATED_PAGE
    if Migratetype.CMA in types:
        return Sign.CMA
    return Sign.HIGHATOMIC if Migratetype.HIGHATOMIC in types else Sign.FALLBACK_TYPES


def _free_misplaced(node: Node, place: _Place) -> Breach:
    expected = f"free blocks aligned, of order 0 to {node.geometry.max_order}, in one zone"
    return Breach("INV-1", at_page(node, place.pfn), expected, _name_head(place.more))


def _used_misplaced(node: Node, place: _Place) -> Breach:
    law = "INV-2" if place.more & 15 in _TILES else "INV-7"
    expected = f"runs aligned, of order 0 to {node.geometry.max_order}, in one zone"
    return Breach(law, at_page(node, place.pfn), expected, _name_head(place.more))


def _gap(node: Node, place: _Place) -> Breach:
    return Breach("INV-2", at_page(node, place.pfn), "a run that holds the page", "none")


def _free_owned(node: Node, place: _Place) -> Breach:
    return Breach("INV-2", at_page(node, place.pfn), "a free block of nobody's", f"owner {place.found}")


def _buddies(node: Node, place: _Place) -> Breach:
    found = f"{_name_head(place.more)} here and at pfn {place.found}"
    return Breach("INV-5", at_page(node, place.pfn), "buddies below the pageblock order merged", found)


def _mixed(node: Node, place: _Place) -> Breach:
    order = node.geometry.pageblock_order
    blocks = node.arrays.block_type[[place.pfn >> order, place.found >> order]]
    here, there = effective_types(blocks).tolist()
    found = f"{_name_head(place.more)} over {_name_type(here)} and, at pfn {place.found}, {_name_type(there)}"
    expected = "only types that fall back to each other merged"
    sign = _sign_of_types(node, place.more >> 4, {here, there})
    return Breach("INV-6", at_page(node, place.pfn), expected, found, sign)


def _link(_node: Node, place: _Place) -> Breach:
    found = f"row {place.pfn} is followed by row {place.found}, which does not follow it"
    return Breach("INV-3", _name_list(place.more), "neighbours that name each other", found)


def _entry(_node: Node, place: _Place) -> Breach:
    order, zone = int(kernels.order_of_list(place.more)), int(kernels.zone_of_list(place.more))
    expected = f"a free block of order {order} in {zone_label(zone)}"
    return Breach("INV-3", _name_list(place.more), expected, f"pfn {place.pfn}: {_name_head(place.found)}")


def _list_type(law: str, expected: str) -> Callable[[Node, _Place], Breach]:
    def word(node: Node, place: _Place) -> Breach:
        found = f"a pageblock of type {_name_type(place.found)} on {_name_list(place.more)}"
        order, list_type = int(kernels.order_of_list(place.more)), int(kernels.type_of_list(place.more))
        sign = _sign_of_types(node, order, {list_type, place.found})
        return Breach(law, at_page(node, place.pfn), expected, found, sign)

    return word


def _unlisted(node: Node, place: _Place) -> Breach:
    return Breach("INV-3", at_page(node, place.pfn), f"{_name_head(place.more)} on one list", "on none")


def _stray(law: str, what: Callable[[int], str]) -> Callable[[Node, _Place], Breach]:
    def word(node: Node, place: _Place) -> Breach:
        expected = (
            f"nothing: inside the run at pfn {place.found}" if place.found >= 0 else "nothing: no run here"
        )
        return Breach(law, at_page(node, place.pfn), expected, what(place.more))

    return word


def _byte(law: str, expected: str) -> Callable[[Node, _Place], Breach]:
    def word(_node: Node, place: _Place) -> Breach:
        return Breach(law, f"pageblock at pfn {place.pfn}", expected, f"byte {place.more}")

    return word


def _kernel_page(where: str, sign: Sign) -> Callable[[Node, _Place], Breach]:
    def word(node: Node, place: _Place) -> Breach:
        found = f"{_name_head(place.more)} of owner {place.found}"
        return Breach("INV-15", at_page(node, place.pfn), f"no kernel page {where}", found, sign)

    return word


_WORDS: dict[int, Callable[[Node, _Place], Breach]] = {
    int(what): word
    for what, word in (
        (kernels.F_FREE_MISPLACED, _free_misplaced),
        (kernels.F_USED_MISPLACED, _used_misplaced),
        (kernels.F_GAP, _gap),
        (kernels.F_FREE_OWNED, _free_owned),
        (kernels.F_BUDDIES, _buddies),
        (kernels.F_MIXED, _mixed),
        (kernels.F_LINK, _link),
        (kernels.F_ENTRY, _entry),
        (kernels.F_LIST_TYPE, _list_type("INV-4", "a list that may hold the pageblock's type")),
        (kernels.F_LIST_ISOLATE, _list_type("INV-10", "isolated pages, and only they, on lists ISOLATE")),
        (kernels.F_LIST_HIGHATOMIC, _list_type("INV-12", "only HIGHATOMIC pageblocks on lists HIGHATOMIC")),
        (kernels.F_UNLISTED, _unlisted),
        (kernels.F_STRAY_HEAD, _stray("INV-2", _name_head)),
        (kernels.F_STRAY_OWNER, _stray("INV-7", "owner {}".format)),
        (kernels.F_ZONE_BYTE, _byte("INV-1", "a zone")),
        (kernels.F_TYPE_BYTE, _byte("INV-4", "a migratetype")),
        (kernels.F_KERNEL_IN_CMA, _kernel_page("in CMA pageblocks", Sign.KERNEL_IN_CMA)),
        (kernels.F_KERNEL_IN_MOVABLE, _kernel_page("in ZONE_MOVABLE", Sign.IMPOSSIBLE)),
    )
}
