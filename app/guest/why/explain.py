"""Why memory stays plugged: every piece above a target with what stops it, found by trying on a copy and looking.

    guest ──fork──▶ copy ──ask for the target──▶ every try, and what is plugged still ──look──▶ all that stays in it

Kept here: the guest does not change; what is told is what its driver, kernel and memory would do now.
Left out: counting alike pieces (app.guest.why.explain_groups), words for what helps (app.guest.why.remedies).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.guest.devices import AttachedDevice
from app.guest.guest import Guest
from app.guest.views import MapRows, map_rows
from app.guest.why.hindrances import Hindrance, find_pending, lift_hindrances
from app.guest.why.owners import Owner, Owners
from app.guest.why.remedies import Situation
from app.mm.census import count_kinds
from app.mm.node import Node
from app.mm.obstacles import Blocker, find_blockers, run_at
from app.mm.outcome import Errno
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.trace.events import Event, UnplugAttempted
from app.trace.sink import RingSink
from app.virtio_mem.driver.causes import Cause
from app.virtio_mem.driver.driver import Driver
from app.virtio_mem.driver.pieces import Piece, pieces_of_runs, plugged_pieces

# Kinds whose pages move, and so need room elsewhere.
_MOVING = (PageKind.ANON, PageKind.FILE_DIRTY, PageKind.THP, PageKind.HUGETLB, PageKind.MOVABLE_OPS)


class Stay(NamedTuple):
    """A piece that stays plugged above the target, and why.

    level: tried last; None where the driver did not come to it, and result is then what ended its pass before, if it
    made one. obstacle: the run that stopped that try, or else the
    first that would; None where no page is in the way. nr_blockers: all runs of it that stay.
    """

    piece: Piece
    level: str | None
    result: Errno | None
    obstacle: Blocker | None
    nr_blockers: int


# What a page that stopped a try may have become since, beside those.
_GOING = (*_MOVING, PageKind.FILE_CLEAN, PageKind.FREE, PageKind.NONE, PageKind.OFFLINE)


class Retry(NamedTuple):
    """When a driver tries again by itself, and after how long from its last try."""

    due_ns: int
    interval_ms: int


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What becomes of a device that is asked for `target` now, on a copy; sizes in bytes.

    size: plugged now; reached: plugged after the try. before: the map as it is now; node, owners: the copy's, after
    the try.
    """

    device_id: str
    now_ns: int
    target: int
    size: int
    reached: int
    unit_size: int
    result: Errno | None
    stays: tuple[Stay, ...]
    hindrances: tuple[Hindrance, ...]
    retry: Retry | None
    situation: Situation
    before: MapRows
    node: Node
    owners: Owners

    @property
    def page_size(self) -> int:
        """Bytes of a page."""
        return self.node.geometry.page_size

    def owner_of(self, run: Blocker) -> Owner:
        """Returns whose a run is."""
        return self.owners.of(run)

    def blockers_of(self, stay: Stay) -> NDArray[np.int64]:
        """Returns all that stays in a piece, as find_blockers(); what stopped its try included."""
        rows = find_blockers(self.node, *stay.piece)
        run = stay.obstacle
        if run is None or (rows[:, 0] == run.pfn).any():
            return rows
        return np.concatenate((np.array([[run.pfn, run.kind | (run.order << 4), run.owner]], np.int64), rows))


class _Tries(RingSink):
    """Keeps the tries of one device's driver, in order."""

    def __init__(self, device_id: str) -> None:
        """Starts empty."""
        super().__init__(0)
        self._device_id = device_id
        self.tries: list[UnplugAttempted] = []

    def emit(self, event: Event) -> None:
        """Keeps it if it is one."""
        if type(event) is UnplugAttempted and event.device == self._device_id:
            self.tries.append(event)


class Subject(NamedTuple):
    """A copy of a guest that is about to be asked, and what only the guest itself knows."""

    copy: Guest
    device_id: str
    target: int
    tries: list[UnplugAttempted]
    retry: Retry | None


def copy_subject(guest: Guest, device_id: str, target: int | None = None) -> Subject:
    """Returns what explain() works on; afterwards nobody needs the guest. target: None for its requested_size.

    Raises Unknown, InvalidValue, StateError. Costs a fork.
    """
    attached = guest.find_device(device_id)
    target = attached.device.requested_size if target is None else target
    guest.validate_target(device_id, target, field="target")
    sink = _Tries(device_id)
    copy = guest.fork(sink=sink)
    interval_ms = attached.driver.armed_ms
    is_armed = attached.deadline_ns is not None and interval_ms
    retry = Retry(attached.deadline_ns or 0, interval_ms) if is_armed else None
    return Subject(copy, device_id, target, sink.tries, retry)


def explain(subject: Subject) -> Explanation:
    """Explains why a device has more than the target plugged. The copy is used up; costs the unplug, and a look."""
    copy, device_id, target, tries, retry = subject
    now_ns = copy.clock.now_ns
    before = map_rows(copy.node)
    hindrances = lift_hindrances(copy, device_id)
    attached = copy.find_device(device_id)
    size = attached.device.plugged_size
    if target < size:
        copy.resize(device_id, target)
    driver = attached.driver
    reached = attached.device.plugged_size
    left = max(0, reached - target) // driver.unit_size
    result = driver.last_result if left else Errno.OK
    stays = _find_stays(copy.node, _pieces(attached), tries, left, result)
    ended_by = _ended_by(driver)
    return Explanation(
        device_id=device_id,
        now_ns=now_ns,
        target=target,
        size=size,
        reached=reached,
        unit_size=driver.unit_size,
        result=result,
        stays=tuple(stays),
        hindrances=(*hindrances, *find_pending(attached)),
        retry=retry,
        situation=Situation(
            ended_by,
            _wanted_memory(copy.node, stays) if ended_by is Cause.MEMORY else 0,
            is_loadable=not driver.book.has_memory_added,
        ),
        before=before,
        node=copy.node,
        owners=Owners(copy.node, copy.pages),
    )


def _pieces(attached: AttachedDevice) -> Iterator[Piece]:
    """Returns what is plugged, in the driver's order; what an earlier kernel left it does not know one by one."""
    driver, node = attached.driver, attached.driver.book.node
    if not driver.is_unplug_all_required:
        return plugged_pieces(driver.book)
    region, page_size = attached.device.region, node.geometry.page_size
    block_nr_pages = region.block_size // page_size
    first_pfn = region.addr // page_size
    runs = [
        (first_pfn + first * block_nr_pages, first_pfn + end * block_nr_pages)
        for first, end in attached.device.plugged_runs()
    ]
    return pieces_of_runs(runs, driver.unit_size // page_size)


def _ended_by(driver: Driver) -> Cause | None:
    """Returns what ended the driver's last pass before it had tried everything; None: nothing did."""
    outcome = driver.outcome
    if outcome is None or outcome.result in {Errno.OK, Errno.EBUSY}:
        return None
    groups = outcome.obstacle_groups
    return next((group.cause for group in groups if group.result is outcome.result), None)


def _find_stays(
    node: Node, plugged: Iterable[Piece], tries: Iterable[UnplugAttempted], left: int, result: Errno | None
) -> list[Stay]:
    """Returns the pieces that were tried in vain, in that order, then those that were not come to: `left` in all."""
    pieces = {piece.start_pfn: piece for piece in plugged}
    last = _last_tries(pieces, tries)
    stays = [_tried(node, pieces[pfn], attempt) for pfn, attempt in last.items()]
    others = (piece for pfn, piece in pieces.items() if pfn not in last)
    stays += [_untried(node, piece, result) for piece in islice(others, max(0, left - len(stays)))]
    return stays


def _last_tries(pieces: dict[int, Piece], tries: Iterable[UnplugAttempted]) -> dict[int, UnplugAttempted]:
    """Returns the last try of each piece that is plugged still, by its first page, in the order of these tries."""
    last: dict[int, UnplugAttempted] = {}
    if not pieces:
        return last
    size = next(iter(pieces.values()))
    nr_pages = size.end_pfn - size.start_pfn
    for attempt in tries:
        for pfn in range(attempt.end_pfn - nr_pages, attempt.start_pfn - 1, -nr_pages):
            if pfn in pieces:
                last.pop(pfn, None)
                last[pfn] = attempt
    return last


def _tried(node: Node, piece: Piece, attempt: UnplugAttempted) -> Stay:
    rows = find_blockers(node, *piece)
    obstacle = None if attempt.obstacle_pfn < 0 else _obstacle(node, rows, attempt.obstacle_pfn)
    is_beside = obstacle is not None and not (rows[:, 0] == obstacle.pfn).any()
    return Stay(piece, attempt.level, Errno(attempt.result), obstacle or _first(rows), len(rows) + is_beside)


def _obstacle(node: Node, rows: NDArray[np.int64], pfn: int) -> Blocker | None:
    """Returns the run that stopped a try; None where it is gone by now, or could move if there was room."""
    # The look at the whole piece knows CMA pageblocks as such.
    found = _covering(rows, pfn)
    if found is not None:
        return found
    run = run_at(node, pfn)
    return None if run.kind in _GOING else run


def _untried(node: Node, piece: Piece, result: Errno | None) -> Stay:
    rows = find_blockers(node, *piece)
    return Stay(piece, None, result, _first(rows), len(rows))


def _first(rows: NDArray[np.int64]) -> Blocker | None:
    return _as_blocker(rows[0]) if len(rows) else None


def _covering(rows: NDArray[np.int64], pfn: int) -> Blocker | None:
    """Returns the row that holds a page."""
    covers = (rows[:, 0] <= pfn) & (pfn < rows[:, 0] + (1 << (rows[:, 1] >> 4)))
    return _first(rows[covers])


def _as_blocker(row: NDArray[np.int64]) -> Blocker:
    pfn, head, owner = row.tolist()
    return Blocker(pfn, PageKind(head & 15), head >> 4, owner)


def _wanted_memory(node: Node, stays: Iterable[Stay]) -> int:
    """Returns how many bytes the pages that would have to move lack elsewhere: at least a page."""
    short = [stay.piece for stay in stays if stay.result is Errno.ENOMEM and stay.obstacle is None]
    moving = free = 0
    for counts in _counts(node, short):
        moving += int(counts[:, list(_MOVING)].sum())
        free += int(counts[:, PageKind.FREE].sum())
    may_go_movable = all(_zone_of(node, piece) is ZoneId.MOVABLE for piece in short)
    zones = [zone for zone in node.zones if may_go_movable or zone.id is not ZoneId.MOVABLE]
    room = sum(max(0, zone.nr_free - zone.watermarks.min) for zone in zones) - free
    return max(1, moving - max(0, room)) * node.geometry.page_size


def _counts(node: Node, pieces: Iterable[Piece]) -> Iterator[NDArray[np.int64]]:
    order = node.geometry.pageblock_order
    for piece in pieces:
        yield count_kinds(node, piece.start_pfn >> order, piece.end_pfn >> order)


def _zone_of(node: Node, piece: Piece) -> ZoneId | None:
    zone = node.zone_at(piece.start_pfn)
    return None if zone is None else zone.id
