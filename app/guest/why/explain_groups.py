"""Pieces that stay, counted by reason; and what each reason alone holds back: what would be released without it.

    stay   stay   stay              the pages of one owner in the first two, of two owners in the third: freeing the
    [a ]   [a a]  [a b]             3 of `a` in the first two releases both pieces, one contiguous gain; not the third

Left out: single pages (app.guest.why.explain_pages).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from app.guest.why.explain import Explanation, Stay
from app.guest.why.owners import Owner
from app.guest.why.remedies import remedy_for
from app.mm.obstacles import Blocker
from app.mm.outcome import Errno
from app.mm.page import PageKind

# Allocations and memory blocks that a group names.
MOST_NUMBERS = 16


class _Holder(NamedTuple):
    """A sort of obstacle: the kind of page, and whose it is, without its number."""

    kind: PageKind
    owner_type: str
    label: str


class _Reason(NamedTuple):
    """What the pieces of a group have in common."""

    level: str | None
    result: Errno | None
    holder: _Holder | None


@dataclass
class _Tally:
    """One holder's part of a piece: its runs and pages."""

    nr_runs: int = 0
    nr_pages: int = 0


@dataclass
class _Group:
    """Pieces with one reason, in order."""

    owner: Owner | None
    stays: list[Stay] = field(default_factory=list)
    # Whose obstacles these are, and since when.
    numbers: set[int] = field(default_factory=set)
    since_ns: set[int] = field(default_factory=set)
    nr_runs: int = 0
    nr_pages: int = 0
    # Pieces that nothing else holds, with the pages that do.
    alone: list[tuple[Stay, int]] = field(default_factory=list)

    def add_owner(self, owner: Owner) -> None:
        """Notes one owner of an obstacle."""
        if owner.number is not None:
            self.numbers.add(owner.number)
        if owner.since_ns is not None:
            self.since_ns.add(owner.since_ns)


def describe_groups(explanation: Explanation) -> list[dict[str, object]]:
    """Returns the groups, JSON-ready, the most bytes first. Linear in the runs that stay."""
    groups: dict[_Reason, _Group] = {}
    for stay in explanation.stays:
        holders = _holders(explanation, stay)
        reason, owner = _reason(explanation, stay)
        group = groups.setdefault(reason, _Group(owner))
        group.stays.append(stay)
        if reason.holder is None or owner is None:
            continue
        group.add_owner(owner)
        mine = holders.get(reason.holder, _Tally())
        group.nr_runs += mine.nr_runs
        group.nr_pages += mine.nr_pages
        if list(holders) == [reason.holder]:
            group.alone.append((stay, mine.nr_pages))
    rows = [_describe(explanation, reason, group) for reason, group in groups.items()]
    return sorted(rows, key=lambda row: -int(str(row["bytes"])))


def _holders(explanation: Explanation, stay: Stay) -> dict[_Holder, _Tally]:
    """Returns who holds a piece, and how many runs and pages of it each."""
    rows = explanation.blockers_of(stay)
    found: dict[_Holder, _Tally] = {}
    if not len(rows):
        return found
    keys = (rows[:, 1] & 15) | (rows[:, 2] << 4)
    _, firsts, inverse = np.unique(keys, return_index=True, return_inverse=True)
    pages = np.int64(1) << (rows[:, 1] >> 4)
    for number, first in enumerate(firsts.tolist()):
        pfn, head, owner = rows[first].tolist()
        run = Blocker(pfn, PageKind(head & 15), head >> 4, owner)
        tally = found.setdefault(_holder_of(run, explanation.owner_of(run)), _Tally())
        here = inverse.reshape(-1) == number
        tally.nr_runs += int(here.sum())
        tally.nr_pages += int(pages[here].sum())
    return found


def _reason(explanation: Explanation, stay: Stay) -> tuple[_Reason, Owner | None]:
    if stay.obstacle is None:
        return _Reason(stay.level, stay.result, None), None
    owner = explanation.owner_of(stay.obstacle)
    return _Reason(stay.level, stay.result, _holder_of(stay.obstacle, owner)), owner


def _holder_of(run: Blocker, owner: Owner) -> _Holder:
    return _Holder(run.kind, str(owner.type), owner.label)


def _describe(explanation: Explanation, reason: _Reason, group: _Group) -> dict[str, object]:
    kind = None if reason.holder is None else reason.holder.kind
    numbers = sorted(group.numbers)[:MOST_NUMBERS]
    remedy = remedy_for(kind, group.owner, reason.result, numbers=numbers, situation=explanation.situation)
    ages = [explanation.now_ns - since_ns for since_ns in group.since_ns]
    return {
        "level": reason.level,
        "result": None if reason.result is None else str(reason.result),
        "kind": None if kind is None else kind.api_name,
        "owner": None if group.owner is None else {"type": str(group.owner.type), "label": group.owner.label},
        "numbers": numbers,
        "count": len(group.stays),
        "bytes": _bytes(stay for stay in group.stays) * explanation.page_size,
        "obstacles": group.nr_runs,
        "obstacle_pages": group.nr_pages,
        "youngest_us": min(ages) // 1000 if ages else None,
        "oldest_us": max(ages) // 1000 if ages else None,
        "remedy": {"action": str(remedy.action), "text": remedy.text},
        "released_alone": _bytes(stay for stay, _ in group.alone) * explanation.page_size,
        "largest_gain": _largest_gain(explanation, group.alone),
    }


def _bytes(stays: Iterable[Stay]) -> int:
    """Returns the pages of pieces."""
    return sum(stay.piece.end_pfn - stay.piece.start_pfn for stay in stays)


def _largest_gain(explanation: Explanation, alone: list[tuple[Stay, int]]) -> dict[str, object] | None:
    """Returns the longest range of pieces without a gap that would be released together, and what that takes."""
    best = (0, 0, 0)
    start = end = nr_pages = 0
    for stay, pages in sorted(alone, key=lambda pair: pair[0].piece):
        if stay.piece.start_pfn != end:
            start, nr_pages = stay.piece.start_pfn, 0
        end = stay.piece.end_pfn
        nr_pages += pages
        best = max(best, (end - start, -start, nr_pages))
    if not best[0]:
        return None
    return {
        "start_pfn": -best[1],
        "end_pfn": best[0] - best[1],
        "bytes": best[0] * explanation.page_size,
        "obstacle_pages": best[2],
    }
