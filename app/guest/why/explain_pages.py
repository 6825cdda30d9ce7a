"""The pages that keep memory plugged, one by one: where, what, whose, how old, and what would free them.

    cursor    stay 0: 3 pages | stay 1: none, one row for the piece | stay 2: 2 pages ...     rows are counted from 0

Left out: pages that could move, and are in nobody's way.
"""

from collections.abc import Sequence

from app.guest.why.explain import Explanation, Stay
from app.guest.why.remedies import remedy_for
from app.mm.obstacles import Blocker, as_blockers


def count_rows(explanation: Explanation) -> int:
    """Returns how many rows there are: one for each run in the way, one for a piece without any."""
    return sum(_nr_rows(stay) for stay in explanation.stays)


def describe_pages(explanation: Explanation, *, cursor: int, limit: int) -> list[dict[str, object]]:
    """Returns up to `limit` rows from number `cursor` on, JSON-ready, in the order in which the driver takes pieces."""
    found: list[dict[str, object]] = []
    skipped = 0
    for stay in explanation.stays:
        nr_rows = _nr_rows(stay)
        if skipped + nr_rows > cursor:
            rows = _rows(explanation, stay)[max(0, cursor - skipped) :]
            found += [_describe(explanation, stay, run) for run in rows[: limit - len(found)]]
        if len(found) >= limit:
            break
        skipped += nr_rows
    return found


def _nr_rows(stay: Stay) -> int:
    return max(1, stay.nr_blockers)


def _rows(explanation: Explanation, stay: Stay) -> Sequence[Blocker | None]:
    return as_blockers(explanation.blockers_of(stay)) or (None,)


def _describe(explanation: Explanation, stay: Stay, run: Blocker | None) -> dict[str, object]:
    owner = None if run is None else explanation.owner_of(run)
    kind = None if run is None else run.kind
    numbers = () if owner is None or owner.number is None else (owner.number,)
    remedy = remedy_for(kind, owner, stay.result, numbers=numbers, situation=explanation.situation)
    return {
        "pfn": None if run is None else run.pfn,
        "kind": None if kind is None else kind.api_name,
        "order": None if run is None else run.order,
        "owner": None
        if owner is None
        else {"type": str(owner.type), "label": owner.label, "number": owner.number},
        "age_us": None if owner is None else owner.age_us(explanation.now_ns),
        "start_pfn": stay.piece.start_pfn,
        "end_pfn": stay.piece.end_pfn,
        "level": stay.level,
        "result": None if stay.result is None else str(stay.result),
        "remedy": {"action": str(remedy.action), "text": remedy.text},
    }
