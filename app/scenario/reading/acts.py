"""Actors and their acts from a file, and the schedule that says whose turn it is.

    A: {contig: [4, 8], caller: cma}          an act is named by its first key; the others say how
    R: {allocate: anon, order: 1, runs: 2}
    B: [{isolate: [0, 4]}, {undo: [0, 4]}]    several acts, one after the other
    schedule: A:isolate R*2 A:end             on to a point, by two sections, to the end

Left out: what an act does (app.scenario.acting).
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from app.errors import InvalidValue
from app.guest.page_use import KIND_NAMES, checked_order, parse_kind
from app.mm.outcome import Caller
from app.mm.page import Migratetype, PageKind
from app.mm.sections import Point
from app.scenario import script
from app.scenario.reading.document import Value
from app.scenario.reading.start import LARGEST_ORDER, Ground, read_areas, read_range
from app.scenario.script import EVERY_INTERLEAVING, Act, Actor, Turn
from app.units import is_aligned

LARGEST_NR_ACTORS = 8
# Of all actors together.
LARGEST_NR_ACTS = 64
LARGEST_NR_TURNS = 256
LARGEST_NR_SECTIONS = 4096
LARGEST_NR_BUSY = 1000
_LARGEST_SIZE = 1 << 62
END = "end"
# Where a turn may stop: a point of an operation, or an act that is one section.
SINGLE_SECTIONS = (
    "allocate",
    "allocate-at",
    "free",
    "unreserve",
    "declare",
    "cma-release",
    "offline",
    "resize",
)
POINTS = (*(str(point) for point in Point), *SINGLE_SECTIONS, END)
_ACTOR_NAME = re.compile(r"[A-Z][A-Za-z0-9_-]{0,15}", re.ASCII)
_TURN = re.compile(r"(?P<actor>[^:*]+)(?::(?P<point>[^:*]+)|\*(?P<times>\d{1,6}))?", re.ASCII)
_CALLERS = {caller.name.lower(): caller for caller in Caller}
_PRESSED = {
    migratetype.name.lower(): migratetype
    for migratetype in (Migratetype.UNMOVABLE, Migratetype.MOVABLE, Migratetype.RECLAIMABLE)
}
_TAKEN_AS = {**KIND_NAMES, PageKind.OFFLINE.api_name: PageKind.OFFLINE}


def read_actors(value: Value, ground: Ground) -> tuple[Actor, ...]:
    """Returns the actors in the order of the file.

    Raises ScenarioInvalid.
    """
    members = value.mapping(longest=LARGEST_NR_ACTORS)
    lists = {name: _acts_of(name, member) for name, member in members.items()}
    if sum(map(len, lists.values())) > LARGEST_NR_ACTS:
        raise value.refuse(f"at most {LARGEST_NR_ACTS} acts together")
    if not members:
        raise value.refuse("an actor")
    declared = [_declared_by(act, ground) for acts in lists.values() for act in acts]
    areas = {**ground.areas, **{area.name: area for area in declared if area is not None}}
    ground = ground._replace(areas=areas)
    return tuple(Actor(name, tuple(_read_act(act, ground) for act in acts)) for name, acts in lists.items())


def _acts_of(name: str, member: Value) -> list[Value]:
    if not _ACTOR_NAME.fullmatch(name):
        raise member.refuse(
            "an actor's name: a capital letter, then letters and digits, 16 at most", value=name
        )
    if isinstance(member.content, list):
        return member.items(shortest=1, longest=LARGEST_NR_ACTS)
    return [member]


def _declared_by(act: Value, ground: Ground) -> script.AreaSpec | None:
    """Returns the area that an act declares, whenever it does so."""
    if isinstance(act.content, dict) and "declare" in act.content:
        return _read_area(act.content["declare"], ground)
    return None


def _read_act(value: Value, ground: Ground) -> Act:
    members = value.mapping()
    name = next(iter(members), "")
    if name not in _FORMS:
        place = members[name] if members else value
        raise place.refuse(f"an act: its first key is one of {', '.join(_FORMS)}", value=name)
    form = _FORMS[name]
    if ground.is_guest and not form.is_for_guests:
        raise value.refuse("an act that is made for guests as well as for pictures", value=name)
    if not ground.is_guest and name == "resize":
        raise value.refuse("a start that is a guest: a picture has no device", value=name)
    return form.read(_Parts(value, value.mapping((name, *form.options)), ground, name))


class _Parts(NamedTuple):
    """An act's members, and where they are read."""

    whole: Value
    members: Mapping[str, Value]
    ground: Ground
    name: str

    @property
    def subject(self) -> Value:
        """The member that names the act."""
        return self.members[self.name]

    def range(self) -> tuple[int, int]:
        """Returns the subject as a range."""
        return read_range(self.subject, self.ground.nr_pages)

    def integer(self, key: str, lowest: int, highest: int, *, otherwise: int) -> int:
        """Returns an option, or its default."""
        return self.members[key].integer(lowest, highest) if key in self.members else otherwise

    def boolean(self, key: str, *, otherwise: bool = False) -> bool:
        """Returns an option, or its default."""
        return self.members[key].boolean() if key in self.members else otherwise

    def caller(self) -> Caller:
        """Returns who isolates."""
        word = self.members["caller"].word(_CALLERS) if "caller" in self.members else "ordinary"
        return _CALLERS[word]


def _contig(parts: _Parts) -> Act:
    taken_as = parts.members["as"].word(_TAKEN_AS) if "as" in parts.members else "unmovable"
    return script.Contig(
        *parts.range(), parts.caller(), _TAKEN_AS[taken_as], is_interrupted=parts.boolean("interrupted")
    )


def _isolate(parts: _Parts) -> Act:
    return script.Isolate(*_pageblocks(parts), parts.caller())


def _undo(parts: _Parts) -> Act:
    return script.Undo(*_pageblocks(parts), parts.caller())


def _pageblocks(parts: _Parts) -> tuple[int, int]:
    """Returns the subject as a range of whole pageblocks."""
    start, end = parts.range()
    size = parts.ground.geometry.pageblock_nr_pages
    if (start | end) % size:
        raise parts.subject.refuse(f"whole pageblocks: multiples of {size} pages", value=[start, end])
    return start, end


def _allocate(parts: _Parts) -> Act:
    order: int | None = None
    if "order" in parts.members:
        order = parts.members["order"].integer(0, LARGEST_ORDER)
    try:
        kind = parse_kind(parts.subject.content, field="kind")
        order = checked_order(parts.ground.geometry, kind, order, field="order")
    except InvalidValue as wrong:
        raise parts.subject.refuse_as(wrong) from wrong
    if "at" not in parts.members:
        return script.Allocate(
            kind,
            order,
            parts.integer("runs", 1, parts.ground.nr_pages, otherwise=1),
            is_cma_allowed=parts.boolean("cma", otherwise=True),
            is_highatomic=parts.boolean("highatomic"),
        )
    others = set(parts.members) - {"allocate", "at", "order"}
    if others:
        raise parts.whole.refuse("`at` with `order` only: pages that are named come from where they are")
    pfn = parts.members["at"].integer(0, parts.ground.nr_pages - (1 << order))
    if not is_aligned(pfn, 1 << order):
        raise parts.members["at"].refuse(f"a multiple of {1 << order}, for order {order}")
    return script.AllocateAt(kind, pfn, order)


def _free(parts: _Parts) -> Act:
    return script.Free(*parts.range())


def _unreserve(parts: _Parts) -> Act:
    return script.Unreserve(_PRESSED[parts.subject.word(_PRESSED)], is_forced=parts.boolean("forced"))


def _read_area(value: Value, ground: Ground) -> script.AreaSpec:
    areas = read_areas(value, ground.nr_pages)
    if len(areas) != 1:
        raise value.refuse("one area: {NAME: [start, end]}")
    return areas[0]


def _declare(parts: _Parts) -> Act:
    return script.DeclareArea(_read_area(parts.subject, parts.ground))


def _cma_alloc(parts: _Parts) -> Act:
    area = parts.ground.areas[parts.subject.word(parts.ground.areas)]
    largest = area.end_pfn - area.start_pfn
    nr_pages = parts.whole.require("pages").integer(1, largest)
    return script.CmaAlloc(area.name, nr_pages, parts.integer("align", 0, LARGEST_ORDER, otherwise=0))


def _cma_release(parts: _Parts) -> Act:
    area = parts.ground.areas[parts.subject.word(parts.ground.areas)]
    pages = parts.whole.require("pages")
    start, end = read_range(pages, parts.ground.nr_pages)
    if not area.start_pfn <= start < end <= area.end_pfn:
        raise pages.refuse(f"pages of the area, [{area.start_pfn}, {area.end_pfn})", value=[start, end])
    return script.CmaRelease(area.name, start, end)


def _offline(parts: _Parts) -> Act:
    start, end = parts.range()
    size = parts.ground.geometry.memory_block_nr_pages
    if (start | end) % size:
        raise parts.subject.refuse(f"whole memory blocks: multiples of {size} pages", value=[start, end])
    return script.OfflineMemory(start, end)


def _resize(parts: _Parts) -> Act:
    change = None
    if "change" in parts.members:
        place = parts.members["change"]
        place.mapping(("request", "to"))
        number = place.require("request").integer(1, LARGEST_NR_BUSY)
        change = (number, place.require("to").size(_LARGEST_SIZE))
    busy = parts.integer("busy", 0, LARGEST_NR_BUSY, otherwise=0)
    return script.Resize(parts.subject.size(_LARGEST_SIZE), busy, change)


class _Form(NamedTuple):
    """How an act is written."""

    read: Callable[[_Parts], Act]
    options: tuple[str, ...] = ()
    is_for_guests: bool = False


_FORMS = {
    "contig": _Form(_contig, ("caller", "as", "interrupted"), is_for_guests=True),
    "isolate": _Form(_isolate, ("caller",)),
    "undo": _Form(_undo, ("caller",)),
    "allocate": _Form(_allocate, ("order", "runs", "at", "cma", "highatomic"), is_for_guests=True),
    "free": _Form(_free, is_for_guests=True),
    "unreserve": _Form(_unreserve, ("forced",)),
    "declare": _Form(_declare),
    "cma_alloc": _Form(_cma_alloc, ("pages", "align")),
    "cma_release": _Form(_cma_release, ("pages",)),
    "offline": _Form(_offline, is_for_guests=True),
    "resize": _Form(_resize, ("busy", "change"), is_for_guests=True),
}


def read_schedule(value: Value, actors: tuple[Actor, ...]) -> tuple[Turn, ...] | str:
    """Returns the turns, or that every interleaving is meant.

    Raises ScenarioInvalid.
    """
    if value.content == EVERY_INTERLEAVING:
        return EVERY_INTERLEAVING
    words = value.content.split() if isinstance(value.content, str) else []
    if not 0 < len(words) <= LARGEST_NR_TURNS:
        raise value.refuse(
            f"1 to {LARGEST_NR_TURNS} turns such as A:isolate R*2 A:end, or {EVERY_INTERLEAVING}"
        )
    names = [actor.name for actor in actors]
    return tuple(_read_turn(value, word, names) for word in words)


def _read_turn(value: Value, word: str, names: list[str]) -> Turn:
    match = _TURN.fullmatch(word)
    if match is None:
        raise value.refuse("turns: ACTOR, ACTOR*TIMES or ACTOR:POINT", value=word)
    if match["actor"] not in names:
        raise value.refuse(f"an actor: one of {', '.join(names)}", value=word)
    if match["point"] and match["point"] not in POINTS:
        raise value.refuse(f"a point: one of {', '.join(POINTS)}", value=word)
    times = int(match["times"] or 1)
    if not 1 <= times <= LARGEST_NR_SECTIONS:
        raise value.refuse(f"1 to {LARGEST_NR_SECTIONS} sections in a turn", value=word)
    return Turn(match["actor"], match["point"] or "", times)


def turns_in_order(actors: tuple[Actor, ...]) -> tuple[Turn, ...]:
    """Returns what happens without a schedule: each actor goes to its end, in the order of the file."""
    return tuple(Turn(actor.name, END) for actor in actors)
