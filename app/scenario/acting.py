"""Acts become sections: a generator that stops wherever somebody else may come in between.

Mirrors I-13 for the operations (app.mm.sections, app.mm.cma); whatever else an actor does is one section.
Kept here: what an act answers: a result by the kernel's name, a place, numbers.
Left out: who acts when (app.scenario.playing).
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

import numpy as np

from app.errors import InvalidValue, StateError
from app.guest.allocations import AllocationSpec
from app.mm import cma, contig, hotplug, isolation, page_offline
from app.mm.census import collect_runs
from app.mm.checks.ownership import placed_owner
from app.mm.outcome import Errno, TypeLost
from app.mm.page import PageKind, Request
from app.mm.sections import Point, Section, Sections
from app.mm.sections import run as run_to_end
from app.scenario import script
from app.scenario.stage import DEVICE_ID, GuestStage, Stage
from app.trace.events import ContigAttempted, DriverPassEnded, RequestAnswered

OK = "OK"
# The point that every act has: it is over.
END = "end"
_NO_MEMORY, _INVALID, _BUSY = str(Errno.ENOMEM), str(Errno.EINVAL), str(Errno.EBUSY)
# Kinds that nobody allocated, so that nobody frees them.
_UNFREEABLE = (PageKind.NONE, PageKind.FREE, PageKind.PCP, PageKind.RESERVED, PageKind.HWPOISON)
T = TypeVar("T")


class Passed(NamedTuple):
    """A place within an act at which others may come in; members as in app.mm.sections.Section."""

    point: str
    pfn: int = -1
    lock: str = ""


@dataclass(frozen=True)
class Answer:
    """How an act ended.

    point: the section that its end was; END when nothing was left to do. types_lost: pageblocks that came out of
    isolation as another type (INV-14). values: numbers by dotted name.
    """

    result: str
    pfn: int = -1
    point: str = END
    # The page that its last section was about; -1 when that is `pfn`.
    at: int = -1
    nr_migrated: int = 0
    types_lost: tuple[TypeLost, ...] = ()
    values: Mapping[str, int | str] = field(default_factory=dict)


Acting = Generator[Section | Passed, None, Answer]


def perform(stage: Stage, act: script.Act) -> Acting:
    """Returns the sections of an act; they are done as the generator is advanced."""
    return _PERFORMERS[type(act)](stage, act)


def _at_once(point: str) -> Callable[[Callable[[Stage, T], Answer]], Callable[[Stage, T], Acting]]:
    """Makes an act of one section, which is called `point`."""

    def make(act_on: Callable[[Stage, T], Answer]) -> Callable[[Stage, T], Acting]:
        def acting(stage: Stage, act: T) -> Acting:
            yield from ()
            return replace(act_on(stage, act), point=point)

        return acting

    return make


# ------------------------------------------------------------------------------------- contiguous ranges


def _result(errno: Errno, step: str = "") -> str:
    """Names an outcome as the text does; a call that never began has no step."""
    if errno is Errno.OK:
        return OK
    return f"{errno}@{step}" if step and errno is not Errno.EINVAL else str(errno)


def _contig(stage: Stage, act: script.Contig) -> Acting:
    start_pfn, end_pfn = stage.first_pfn + act.start_pfn, stage.first_pfn + act.end_pfn
    owner = placed_owner(stage.new_owner())
    sections = contig.contig_sections(
        stage.node,
        start_pfn,
        end_pfn,
        kind=act.kind,
        owner=owner,
        caller=act.caller,
        is_interrupted=act.is_interrupted,
    )
    with stage.working_for(owner):
        outcome, last = yield from _up_to_last_undo(sections, set())
    if outcome.result is Errno.OK and act.kind is PageKind.OFFLINE:
        page_offline.mark_offline(stage.node, start_pfn, end_pfn)
        # Unplugged pages are nobody's.
        page_offline.set_owner(stage.node, start_pfn, end_pfn, 0)
    result = _result(outcome.result, outcome.step)
    point, pfn = (END, -1) if last is None else (str(last.point), last.pfn)
    return Answer(result, point=point, at=pfn, nr_migrated=outcome.nr_migrated, types_lost=outcome.types_lost)


def _up_to_last_undo(
    sections: Sections[T], isolated: set[int]
) -> Generator[Section, None, tuple[T, Section | None]]:
    """Passes sections on, but for the last pageblock given back: with that the operation is over.

    isolated: the pageblocks that are isolated already. A point behind it would be one at which nothing is left to do,
    and would double the orders to be played.
    """
    while True:
        try:
            section = next(sections)
        except StopIteration as stop:
            return stop.value, None
        if section.point in {Point.CUT, Point.ISOLATE}:
            isolated.add(section.pfn)
        elif section.point is Point.UNDO:
            isolated.discard(section.pfn)
            if not isolated:
                return run_to_end(sections), section
        yield section


def _isolate(stage: Stage, act: script.Isolate) -> Acting:
    before = stage.type_bytes(act.start_pfn, act.end_pfn)
    obstacle = yield from isolation.isolate_sections(stage.node, act.start_pfn, act.end_pfn, act.caller)
    before = {pfn: contig.types_to_restore(stage.node, pfn, byte) for pfn, byte in before.items()}
    if obstacle < 0:
        stage.held.update(before)
        return Answer(OK)
    # The pageblocks that were isolated before it failed are given back already.
    return Answer(_result(Errno.EBUSY, "isolate"), types_lost=_types_lost(stage, before))


def _undo(stage: Stage, act: script.Undo) -> Acting:
    isolated = {pfn for pfn in stage.held if act.start_pfn <= pfn < act.end_pfn}
    before: dict[int, bytes] = {}
    sections = isolation.undo_sections(stage.node, act.start_pfn, act.end_pfn, act.caller)
    _, last = yield from _up_to_last_undo(_releasing(stage, sections, before), isolated)
    point, pfn = (END, -1) if last is None else (str(last.point), last.pfn)
    return Answer(OK, point=point, at=pfn, types_lost=_types_lost(stage, before))


def _releasing(stage: Stage, sections: Sections[None], before: dict[int, bytes]) -> Sections[None]:
    """Passes sections of an undo on; each pageblock is held by nobody from then on, and `before` has what it was."""
    for section in sections:
        if section.pfn in stage.held:
            before[section.pfn] = stage.held.pop(section.pfn)
        yield section


def _types_lost(stage: Stage, before: Mapping[int, bytes]) -> tuple[TypeLost, ...]:
    return tuple(lost for pfn, byte in before.items() for lost in contig.types_lost(stage.node, pfn, byte))


# --------------------------------------------------------------------------------------- single pages


def _allocate(stage: Stage, act: script.Allocate) -> Acting:
    request = Request.HIGHATOMIC if act.is_highatomic else Request.NONE
    if not act.is_cma_allowed:
        request |= Request.NO_CMA
    owner = stage.new_owner()
    pfn = -1
    for left in reversed(range(act.nr_runs)):
        pfn = stage.node.alloc_page(act.kind, act.order, owner, request=request)
        if pfn < 0:
            return Answer(_NO_MEMORY, point="allocate")
        if left:
            yield Passed("allocate", pfn - stage.first_pfn)
    return Answer(OK, pfn - stage.first_pfn, "allocate")


@_at_once("allocate-at")
def _allocate_at(stage: Stage, act: script.AllocateAt) -> Answer:
    pfn = stage.first_pfn + act.pfn
    if isinstance(stage, GuestStage):
        spec = AllocationSpec(kind=act.kind.api_name, order=act.order, at_pfns=(pfn,))
        try:
            stage.guest.pages.allocate(spec)
        except StateError:
            return Answer(_BUSY)
    elif not stage.node.alloc_at(pfn, act.order, act.kind, owner=placed_owner(stage.new_owner())):
        return Answer(_BUSY)
    return Answer(OK, act.pfn)


@_at_once("free")
def _free(stage: Stage, act: script.Free) -> Answer:
    node = stage.node
    start_pfn, end_pfn = stage.first_pfn + act.start_pfn, stage.first_pfn + act.end_pfn
    for run in collect_runs(node):
        # What an operation has taken and not yet handed out is not used by anybody who could free it.
        if not start_pfn <= run.pfn < end_pfn or run.owner in stage.owners_under_way:
            continue
        if run.kind is PageKind.OFFLINE:
            page_offline.clear_offline(node, run.pfn, run.pfn + (1 << run.order))
        elif run.kind not in _UNFREEABLE:
            node.free_runs(np.array([run.pfn], np.int64))
    if isinstance(stage, GuestStage):
        stage.guest.pages.allocations.recount()
    return Answer(OK)


@_at_once("unreserve")
def _unreserve(stage: Stage, act: script.Unreserve) -> Answer:
    is_given = stage.node.unreserve_highatomic(act.migratetype, is_forced=act.is_forced)
    return Answer(OK if is_given else "NONE")


# ------------------------------------------------------------------------------------------------ CMA


@_at_once("declare")
def _declare(stage: Stage, act: script.DeclareArea) -> Answer:
    name, start_pfn, end_pfn, order_per_bit = act.area
    if not stage.node.is_all(start_pfn, end_pfn, PageKind.RESERVED):
        # An area is set apart at boot: its pages are reserved until then.
        return Answer(_INVALID)
    try:
        area = cma.declare_area(stage.node, name, start_pfn, end_pfn, order_per_bit=order_per_bit)
    except InvalidValue:
        return Answer(_INVALID)
    cma.activate_area(stage.node, area)
    return Answer(OK)


def _cma_alloc(stage: Stage, act: script.CmaAlloc) -> Acting:
    area = stage.node.cma_areas.get(act.area)
    if area is None:
        # Its declaration was refused.
        return Answer(_INVALID)
    with stage.working_for(area.owner):
        outcome = yield from cma.cma_alloc_sections(stage.node, area, act.nr_pages, act.align_order)
    # Where the last place was refused tells most; without any place there is no step.
    step = outcome.calls[-1].step if outcome.calls else ""
    return Answer(
        _result(outcome.result, step),
        outcome.pfn,
        nr_migrated=sum(call.nr_migrated for call in outcome.calls),
        types_lost=tuple(lost for call in outcome.calls for lost in call.types_lost),
        values={"calls": len(outcome.calls)},
    )


@_at_once("cma-release")
def _cma_release(stage: Stage, act: script.CmaRelease) -> Answer:
    area = stage.node.cma_areas.get(act.area)
    nr_pages = act.end_pfn - act.start_pfn
    is_given = area is not None and cma.cma_release(stage.node, area, act.start_pfn, nr_pages)
    return Answer(OK if is_given else _INVALID)


# ------------------------------------------------------------------------------------ memory blocks, devices


@_at_once("offline")
def _offline(stage: Stage, act: script.OfflineMemory) -> Answer:
    start_pfn, end_pfn = stage.first_pfn + act.start_pfn, stage.first_pfn + act.end_pfn
    if not isinstance(stage, GuestStage):
        before = stage.type_bytes(start_pfn, end_pfn)
        errno = hotplug.offline_and_remove_memory(stage.node, start_pfn, end_pfn).result
        is_there = errno is not Errno.OK
        return Answer(_result(errno), types_lost=_types_lost(stage, before) if is_there else ())
    size = stage.node.geometry.memory_block_nr_pages
    for memory_block in range(start_pfn // size, end_pfn // size):
        # The driver hears of it as of somebody else's act; removing is its own.
        errno = hotplug.offline_pages(stage.node, memory_block * size, (memory_block + 1) * size).result
        if errno is not Errno.OK:
            return Answer(_result(errno))
    return Answer(OK)


@_at_once("resize")
def _resize(stage: Stage, act: script.Resize) -> Answer:
    assert isinstance(stage, GuestStage), "the reader lets only guests be resized"
    stage.device.script(busy=act.busy, change=act.change)
    outcome = stage.guest.resize(DEVICE_ID, act.requested_size)
    values = dict(_flat(outcome))
    events = stage.take_events()
    passes = [event for event in events if isinstance(event, DriverPassEnded)]
    answered = [event for event in events if isinstance(event, RequestAnswered)]
    values["passes"] = len(passes)
    # Of the whole act: the outcome tells of the last target only, if the host changed its mind (S34).
    values["calls"] = sum(isinstance(event, ContigAttempted) for event in events)
    values["requests"] = len(answered)
    values["driver"] = str(stage.driver.state)
    values["retry_ms"] = stage.driver.armed_ms
    for event in answered:
        name = f"answers.{event.request}.{event.response}"
        values[name] = int(values.get(name, 0)) + 1
    last = Errno(passes[-1].result) if passes else Errno.OK
    return Answer(_result(last), nr_migrated=int(values["migrated_pages"]), values=values)


def _flat(value: object, name: str = "") -> Iterator[tuple[str, int | str]]:
    """Yields the numbers and words inside nested dictionaries by their dotted names; lists are left out."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _flat(member, f"{name}.{key}" if name else str(key))
    elif isinstance(value, int | str):
        yield name, value


_PERFORMERS: dict[type, Callable[..., Acting]] = {
    script.Contig: _contig,
    script.Isolate: _isolate,
    script.Undo: _undo,
    script.Allocate: _allocate,
    script.AllocateAt: _allocate_at,
    script.Free: _free,
    script.Unreserve: _unreserve,
    script.DeclareArea: _declare,
    script.CmaAlloc: _cma_alloc,
    script.CmaRelease: _cma_release,
    script.OfflineMemory: _offline,
    script.Resize: _resize,
}
