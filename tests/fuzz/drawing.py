"""Random scenarios: memory of a few pageblocks, up to three actors, and numbers that say whose turn it is.

Left out: what may break under which policy (targets), playing (plays).
"""

from typing import NamedTuple

from hypothesis import assume
from hypothesis import strategies as st

AFTERWARDS = "2"
BLOCK = 4  # pages of a pageblock; two of them are a chunk
# What a pageblock may hold beside nothing, by the letter of its type.
_PAGES = {
    "M": ("M...", "..MM", "f...", "T---", "MMMM", "M.U.", "OOOO", "..P."),
    "U": ("U...", "U-..", "UMU."),
    "R": ("S...", "S-.."),
    "H": ("U...",),
    "C": ("M...", "MMMM", "..f."),
}
# Runs over both pageblocks of a chunk; free memory is one free page there anyway.
_LARGE = {"M": ("G---|----",), "U": ("U---|----",), "C": ("G---|----",)}


class Plan(NamedTuple):
    """What is drawn for a policy."""

    policy: str
    # Letters of the types that pageblocks may have.
    types: str = "MURCH"
    # CMA areas are whole chunks (C-7).
    has_whole_areas: bool = False
    # Runs of two pageblocks.
    has_large_runs: bool = True
    # Nobody acts between isolating an edge and cutting the free page over it (I-9a).
    skips_cut: bool = False
    # Memory goes offline; a reserve that goes along stays counted (INV-12).
    goes_offline: bool = True


class Drawn(NamedTuple):
    """A scenario as text, but for its schedule: actors by name, each with the acts that it does."""

    pages: str
    types: str
    areas: tuple[tuple[int, int], ...]
    actors: tuple[tuple[str, tuple[str, ...]], ...]
    turns: tuple[int, ...]


@st.composite
def scenarios(draw: st.DrawFn, plan: Plan) -> Drawn:
    """Draws a scenario for a plan."""
    blocks: list[str] = []
    types = ""
    for _ in range(draw(st.sampled_from([1, 1, 2]))):
        letters, pages = draw(_chunks(plan))
        types += letters
        blocks += pages
    areas = tuple(_areas(types))
    acts = st.one_of(_acts(plan, types, areas))
    names = "ABC"[: draw(st.integers(1, 3))]
    drawn = [(name, draw(acts)) for name in names]
    # What follows is another actor's, who acts only if the first has succeeded.
    actors = tuple(
        (name + AFTERWARDS * number, (act,)) for name, both in drawn for number, act in enumerate(both)
    )
    assume(not _frees_what_is_taken(actors))
    turns = tuple(draw(st.lists(st.integers(0, 5), min_size=6, max_size=20)))
    return Drawn(f"|{'|'.join(blocks)}|", types, areas, actors, turns)


@st.composite
def _chunks(draw: st.DrawFn, plan: Plan) -> tuple[str, list[str]]:
    """Two pageblocks: types and pages."""
    first = draw(st.sampled_from(plan.types))
    large = _LARGE.get(first, ()) if plan.has_large_runs else ()
    if large and draw(st.integers(0, 4)) == 4:
        return first * 2, draw(st.sampled_from(large)).split("|")
    second = draw(st.sampled_from([first, *plan.types]))
    if plan.has_whole_areas and "C" in (first, second):
        first = second = "C"
    return first + second, [draw(_pages_of(letter)) for letter in (first, second)]


def _pages_of(letter: str) -> st.SearchStrategy[str]:
    """Half of all pageblocks are free: only free pages lie over an edge without notice."""
    return st.one_of(st.just("." * BLOCK), st.sampled_from(_PAGES[letter]))


def _areas(types: str) -> list[tuple[int, int]]:
    """One area for each stretch of CMA pageblocks."""
    areas: list[tuple[int, int]] = []
    for number, letter in enumerate(types):
        start = number * BLOCK
        if letter == "C":
            if areas and areas[-1][1] == start:
                areas[-1] = (areas[-1][0], start + BLOCK)
            else:
                areas.append((start, start + BLOCK))
    return areas


def _frees_what_is_taken(actors: tuple[tuple[str, tuple[str, ...]], ...]) -> bool:
    """Whether somebody frees pages of a range that somebody else takes."""
    ranges: dict[str, list[range]] = {"free": [], "contig": []}
    for _, (act, *_) in actors:
        name, _, rest = act.partition(": [")
        if name in ranges:
            start, end = rest.partition("]")[0].split(", ")
            ranges[name].append(range(int(start), int(end)))
    return any(
        freed.start < taken.stop and taken.start < freed.stop
        for freed in ranges["free"]
        for taken in ranges["contig"]
    )


def _acts(
    plan: Plan, types: str, areas: tuple[tuple[int, int], ...]
) -> list[st.SearchStrategy[tuple[str, ...]]]:
    """What an actor may do, each a strategy for its acts."""
    nr_pages = len(types) * BLOCK
    # What the thread is about comes twice.
    acts = [
        _allocations(plan),
        _contigs(nr_pages),
        _allocations(plan),
        _contigs(nr_pages),
        _isolations(nr_pages),
    ]
    if plan.goes_offline:
        acts.append(_offlines(nr_pages))
    others = [number * BLOCK for number, letter in enumerate(types) if letter != "C"]
    if others:
        acts.append(st.sampled_from(others).map(lambda start: (f"free: [{start}, {start + BLOCK}]",)))
    if areas:
        acts.append(_cma_allocations(areas))
    if "H" in plan.types:
        acts.append(st.sampled_from(["movable", "unmovable"]).map(lambda name: (f"unreserve: {name}",)))
    return acts


@st.composite
def _allocations(draw: st.DrawFn, plan: Plan) -> tuple[str, ...]:
    act = f"allocate: {draw(st.sampled_from(['anon', 'unmovable', 'reclaimable']))}"
    order, runs = draw(st.sampled_from([0, 0, 0, 1, 2])), draw(st.integers(1, 4))
    act += f", order: {order}" * (order > 0) + f", runs: {runs}" * (runs > 1)
    option = draw(st.integers(0, 3))
    if option == 2 or (option == 3 and "H" not in plan.types):
        act += ", cma: no"
    elif option == 3:
        act += ", highatomic: yes"
    return (act,)


@st.composite
def _contigs(draw: st.DrawFn, nr_pages: int) -> tuple[str, ...]:
    start = draw(st.integers(0, nr_pages // BLOCK - 1)) * BLOCK
    end = min(start + draw(st.sampled_from([1, 1, 2])) * BLOCK, nr_pages)
    if draw(st.sampled_from([False, False, True])):
        start, end = start + draw(st.integers(0, 2)), end - draw(st.integers(0, 1))
    kind = draw(st.sampled_from(["unmovable", "offline"]))
    return (f"contig: [{start}, {end}], as: {kind}",)


@st.composite
def _isolations(draw: st.DrawFn, nr_pages: int) -> tuple[str, ...]:
    start = draw(st.integers(0, nr_pages // BLOCK - 1)) * BLOCK
    end = min(start + draw(st.integers(1, 2)) * BLOCK, nr_pages)
    return (f"isolate: [{start}, {end}]", f"undo: [{start}, {end}]")


@st.composite
def _offlines(draw: st.DrawFn, nr_pages: int) -> tuple[str, ...]:
    start = draw(st.integers(0, nr_pages // BLOCK // 2 - 1)) * 2 * BLOCK
    return (f"offline: [{start}, {start + 2 * BLOCK}]",)


@st.composite
def _cma_allocations(draw: st.DrawFn, areas: tuple[tuple[int, int], ...]) -> tuple[str, ...]:
    number = draw(st.integers(0, len(areas) - 1))
    return (f"cma_alloc: X{number}, pages: {draw(st.sampled_from([BLOCK, 1, 3]))}",)
