"""An explanation as the outside world reads it: what could be had now, what stays by reason, and when it is retried.

Left out: how it is drawn (app.api.explain_png).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.guest.views import MapRows
from app.guest.why.explain import Explanation
from app.guest.why.explain_groups import describe_groups
from app.guest.why.explain_pages import count_rows, describe_pages
from app.virtio_mem.driver.driver import RETRY_MAX_MS

_NS_PER_US = 1000
# What a pageblock of the marked map is, beside the levels: nothing, or in a piece that the driver did not come to.
UNMARKED, NOT_TRIED = 0, 1


class PageWindow(NamedTuple):
    """Which single pages are wanted: up to `limit` rows from number `cursor` on."""

    cursor: int
    limit: int


class MarkedMap(NamedTuple):
    """A guest's map with what stays: marks[pageblock] is UNMARKED or an index of `names`, and where obstacles are."""

    rows: MapRows
    marks: NDArray[np.uint8]
    names: tuple[str, ...]
    has_obstacle: NDArray[np.bool_]


def describe_explanation(explanation: Explanation, window: PageWindow | None = None) -> dict[str, object]:
    """Returns an explanation, JSON-ready; sizes in bytes. window: None for no single pages."""
    above = max(0, explanation.size - explanation.target)
    stays = max(0, explanation.reached - explanation.target) if above else 0
    told: dict[str, object] = {
        "device": explanation.device_id,
        "target": explanation.target,
        "size": explanation.size,
        "unit_size": explanation.unit_size,
        "above_target": above,
        "obtainable": max(0, explanation.size - explanation.reached) if above else 0,
        "stays": stays,
        "rest": stays % explanation.unit_size,
        "result": None if explanation.result is None else str(explanation.result),
        "hindrances": [hindrance._asdict() for hindrance in explanation.hindrances],
        "retry": _describe_retry(explanation),
        "pieces": len(explanation.stays),
        "groups": describe_groups(explanation),
        "pages": [],
        "nr_pages": count_rows(explanation),
        "next_cursor": None,
    }
    if window is not None:
        rows = describe_pages(explanation, cursor=window.cursor, limit=window.limit)
        reached = window.cursor + len(rows)
        told["pages"] = rows
        told["next_cursor"] = reached if rows and reached < count_rows(explanation) else None
    return told


def mark_map(explanation: Explanation) -> MarkedMap:
    """Returns what a picture of the explanation shows."""
    rows = explanation.before
    order = explanation.node.geometry.pageblock_order
    marks = np.zeros(rows.kinds.size, np.uint8)
    has_obstacle = np.zeros(rows.kinds.size, np.bool_)
    names = ["", "not tried"]
    for stay in explanation.stays:
        name = "not tried" if stay.level is None else f"{stay.level}: {stay.result}"
        if name not in names:
            names.append(name)
        marks[stay.piece.start_pfn >> order : -(-stay.piece.end_pfn >> order)] = names.index(name)
        if stay.obstacle is not None:
            has_obstacle[stay.obstacle.pfn >> order] = True
    return MarkedMap(rows, marks, tuple(names), has_obstacle)


def _describe_retry(explanation: Explanation) -> dict[str, object] | None:
    """Returns when the driver tries again by itself; None while its timer is not armed."""
    retry = explanation.retry
    if retry is None:
        return None
    return {
        "due_us": retry.due_ns // _NS_PER_US,
        "in_us": max(0, retry.due_ns - explanation.now_ns) // _NS_PER_US,
        "interval_ms": retry.interval_ms,
        "next_interval_ms": min(2 * retry.interval_ms, RETRY_MAX_MS),
    }
