"""A scenario as data: where it starts, who acts, in which order, and what every policy must make of it.

Mirrors semantics section 9; the file format is docs/scenario-format.md's, read by app.scenario.reading.scenario.
Kept here: what a scenario consists of. All values were checked by the reader: pages inside the start's memory,
names known, acts complete.
Left out: files and lines (app.scenario.reading.scenario), running one (app.scenario.running).
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from app.mm.outcome import Caller
from app.mm.page import Migratetype, PageKind

# A schedule that stands for all interleavings of the actors' sections.
EVERY_INTERLEAVING = "every"


class Place(NamedTuple):
    """Where something stands in a scenario's file; line and column count from 1."""

    file: str
    line: int
    column: int


class AreaSpec(NamedTuple):
    """A CMA area that is active at the start; pages [start_pfn, end_pfn)."""

    name: str
    start_pfn: int
    end_pfn: int
    order_per_bit: int = 0


@dataclass(frozen=True)
class PictureStart:
    """Memory as a picture (app.scenario.picture): pages, and what a picture does not show."""

    picture: str
    # A letter per pageblock: U M R H C; all MOVABLE when empty.
    types: str = ""
    # Pageblocks are freed in this order; ascending when empty.
    freed: tuple[int, ...] = ()
    chunk_shift: int = 1
    zone: str = "Normal"
    areas: tuple[AreaSpec, ...] = ()
    # Pages that the HIGHATOMIC reserve counts; None: those of its pageblocks.
    nr_reserved_highatomic: int | None = None


@dataclass(frozen=True)
class GuestStart:
    """A whole guest with one device; sizes in bytes, online as in a guest's spec.

    fill: allocations made after the plug: (kind, pfn relative to the device's first page).
    """

    preset: str
    boot_size: int
    device_size: int
    requested_size: int
    block_size: int | None = None
    online: str = "online_kernel"
    memory_block_size: int | None = None
    fill: tuple[tuple[PageKind, int], ...] = ()


# ------------------------------------------------------------------------------------------------- acts


class Contig(NamedTuple):
    """alloc_contig_range() of [start_pfn, end_pfn); the pages become `kind` ("offline": as the driver takes them).

    is_interrupted: a fatal signal arrives in its migration step.
    """

    start_pfn: int
    end_pfn: int
    caller: Caller = Caller.ORDINARY
    kind: PageKind = PageKind.UNMOVABLE
    is_interrupted: bool = False


class Isolate(NamedTuple):
    """start_isolate_page_range() alone."""

    start_pfn: int
    end_pfn: int
    caller: Caller = Caller.ORDINARY


class Undo(NamedTuple):
    """undo_isolate_page_range() alone."""

    start_pfn: int
    end_pfn: int
    caller: Caller = Caller.ORDINARY


class Allocate(NamedTuple):
    """`nr_runs` runs of a kind, each a lock section; is_cma_allowed and is_highatomic as in B-11, B-12."""

    kind: PageKind
    order: int = 0
    nr_runs: int = 1
    is_cma_allowed: bool = True
    is_highatomic: bool = False


class Free(NamedTuple):
    """Frees the used runs of [start_pfn, end_pfn), ascending, in one section."""

    start_pfn: int
    end_pfn: int


class Unreserve(NamedTuple):
    """Gives a HIGHATOMIC pageblock to a request of `migratetype` that is under pressure (B-23)."""

    migratetype: Migratetype
    is_forced: bool = False


class DeclareArea(NamedTuple):
    """Declares, and activates, a CMA area; EINVAL when the policy's alignment forbids it (C-7)."""

    area: AreaSpec


class CmaAlloc(NamedTuple):
    """cma_alloc() of nr_pages from an area (C-9)."""

    area: str
    nr_pages: int
    align_order: int = 0


class CmaRelease(NamedTuple):
    """cma_release() of [start_pfn, end_pfn)."""

    area: str
    start_pfn: int
    end_pfn: int


class OfflineMemory(NamedTuple):
    """offline_and_remove_memory() of whole memory blocks, bounded (HP-6)."""

    start_pfn: int
    end_pfn: int


class Resize(NamedTuple):
    """The host sets the device's target (bytes) and the driver runs to its end; guest starts only.

    busy: how many UNPLUG requests, from the first one on, the device answers with BUSY.
    change: (n, size): while the device handles its n-th request from now, the host sets another target.
    """

    requested_size: int
    busy: int = 0
    change: tuple[int, int] | None = None


class AllocateAt(NamedTuple):
    """Takes exactly these pages, for whoever pins or uses them; guest and picture starts."""

    kind: PageKind
    pfn: int
    order: int = 0


Act = (
    Contig
    | Isolate
    | Undo
    | Allocate
    | AllocateAt
    | Free
    | Unreserve
    | DeclareArea
    | CmaAlloc
    | CmaRelease
    | OfflineMemory
    | Resize
)


@dataclass(frozen=True)
class Actor:
    """Somebody who does one act after the other; a schedule names it."""

    name: str
    acts: tuple[Act, ...]


class Turn(NamedTuple):
    """One entry of a schedule: the actor goes on by `times` sections, or until it has passed `point`, or to its end.

    point: a Point of app.mm.sections by name; "end"; "" means `times` sections.
    """

    actor: str
    point: str = ""
    times: int = 1


# ------------------------------------------------------------------------------------------------- what is expected


@dataclass(frozen=True)
class Expectation:
    """What must be seen; what is None or empty is not looked at.

    results: actor -> its last act's result: "OK", "EBUSY@isolate", "ENOMEM@migrate", "EINVAL", "WAIT" (blocked).
    pfns: actor -> where its last allocation landed. Counters are in pages, of the start's zone.
    findings: the invariants broken, exactly these ids (empty tuple: none), INV-14 among them when types were lost;
    types_lost: "pageblock OLD->NEW" with the names of Migratetype, of all acts so far.
    values: numbers of an act's report by dotted name, for guests: "size", "retry_ms", "by_level.pageblock.attempts".
    """

    results: dict[str, str] = field(default_factory=dict)
    pfns: dict[str, int] = field(default_factory=dict)
    pages: str | None = None
    types: str | None = None
    # What picture.draw_lists() names: "order@pfn TYPE".
    lists: tuple[str, ...] | None = None
    nr_free: int | None = None
    nr_free_cma: int | None = None
    nr_free_highatomic: int | None = None
    nr_reserved_highatomic: int | None = None
    nr_migrated: int | None = None
    findings: tuple[str, ...] | None = None
    types_lost: tuple[str, ...] | None = None
    values: dict[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class PolicyExpectation:
    """What a set of policies must show.

    policies: canonical policy texts. at_end: after the whole schedule. after: turn number (from 1) -> the middle
    state; 0 is the start, before anybody acts.
    For EVERY_INTERLEAVING at_end holds for each of them; `some` must be seen in at least one each.
    """

    policies: tuple[str, ...]
    at_end: Expectation
    after: dict[int, Expectation] = field(default_factory=dict)
    some: tuple[Expectation, ...] = ()


@dataclass(frozen=True)
class Case:
    """One start, actors and a schedule (or EVERY_INTERLEAVING), with what each policy makes of it."""

    name: str
    start: PictureStart | GuestStart
    actors: tuple[Actor, ...]
    schedule: tuple[Turn, ...] | str
    expect: tuple[PolicyExpectation, ...]
    # Guest starts: levels of the fallback, None for the policy's own.
    fallback: tuple[str, ...] | None = None
    # Of the schedule, or of the case that has none; None for a case that was not read.
    place: Place | None = None


@dataclass(frozen=True)
class Scenario:
    """One file: a question to the kernel, in one or more cases."""

    id: str
    title: str
    about: str
    cases: tuple[Case, ...]
