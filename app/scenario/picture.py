"""Pictures of memory: lines of letters become a node, and a node becomes the letters again.

    |MMMM....|..U.....|     two pageblocks of 8 pages: four anon pages, free ones, one unmovable page
    |U-------|--------|     a compound over both; a run's letter stands at its first page, dashes at the others
    |........|        |     the second pageblock has no memory

A long picture may have several rows. Every page of an offline or reserved range has its letter: such ranges
are only tiled. A hugetlb run above the chunk is gigantic, and drawn as its runs of a chunk. Chunks are memory
blocks; watermarks are 0.
Left out: where free blocks begin and end (draw_free_blocks tells), and the order of lists (draw_lists).
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np

from app.errors import InvalidValue
from app.mm import census, cma, hotplug, load
from app.mm.checks.ownership import placed_owner
from app.mm.geometry import Geometry
from app.mm.gigantic import gigantic_owner
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind, effective_types
from app.mm.policies.policy import KernelPolicy
from app.mm.zone import ZONE_NAMES, ZoneId
from app.scenario.script import PictureStart
from app.trace.sink import Sink
from app.units import KIB, is_power_of_two

LARGEST_NR_PAGES = 4096
# Only zones that hotplugged memory may join.
PICTURE_ZONES = (ZONE_NAMES[ZoneId.NORMAL], ZONE_NAMES[ZoneId.MOVABLE])
LETTERS = {
    PageKind.FREE: ".",
    PageKind.PCP: "c",
    PageKind.ANON: "M",
    PageKind.FILE_CLEAN: "f",
    PageKind.FILE_DIRTY: "F",
    PageKind.THP: "T",
    PageKind.HUGETLB: "G",
    PageKind.PINNED: "P",
    PageKind.UNMOVABLE: "U",
    PageKind.UNMOVABLE_PAGES: "K",
    PageKind.RECLAIMABLE: "S",
    PageKind.RESERVED: "R",
    PageKind.OFFLINE: "O",
    PageKind.MOVABLE_OPS: "B",
    PageKind.HWPOISON: "W",
}
TYPE_LETTERS = {
    Migratetype.UNMOVABLE: "U",
    Migratetype.MOVABLE: "M",
    Migratetype.RECLAIMABLE: "R",
    Migratetype.HIGHATOMIC: "H",
    Migratetype.CMA: "C",
    Migratetype.ISOLATE: "I",
}
_EDGE, _TAIL, _HOLE = "|", "-", " "
_KINDS = {letter: kind for kind, letter in LETTERS.items()}
# A compound of the kernel may be written C, to tell it from single pages; it is drawn as U.
_KINDS["C"] = PageKind.UNMOVABLE
_TILES = frozenset({PageKind.FREE, PageKind.RESERVED, PageKind.OFFLINE})
_KERNEL_KINDS = frozenset({PageKind.UNMOVABLE, PageKind.UNMOVABLE_PAGES, PageKind.RECLAIMABLE})
_TYPES = {letter: migratetype for migratetype, letter in TYPE_LETTERS.items()}


class _Letter(NamedTuple):
    """One page of a picture: its letter, and where it stands, from 1."""

    letter: str
    row: int
    column: int

    def refuse(self, accepted: str) -> InvalidValue:
        """Returns the error that names this place."""
        place = {"row": self.row, "column": self.column}
        return InvalidValue(f"pages, row {self.row}, column {self.column}", self.letter, accepted, **place)


class DrawnRun(NamedTuple):
    """Pages of one kind: a run, or for tiles a whole extent; nr_pages is a power of two but for tiles."""

    pfn: int
    nr_pages: int
    kind: PageKind


class Drawing(NamedTuple):
    """A picture that was read; runs: everything but holes, ascending."""

    geometry: Geometry
    nr_pages: int
    runs: tuple[DrawnRun, ...]


@lru_cache(maxsize=16)
def read_picture(start: PictureStart) -> Drawing:
    """Returns what a picture shows.

    Raises InvalidValue, naming row and column where there are any, when nothing can be made of it.
    """
    blocks = [
        block for number, row in enumerate(_rows(start.picture), start=1) for block in _split(row, number)
    ]
    pages = [letter for block in blocks for letter in block]
    geometry = _geometry(blocks, start.chunk_shift)
    for first in range(0, len(pages), geometry.chunk_nr_pages):
        _require_whole(pages[first : first + geometry.chunk_nr_pages], geometry)
    runs = tuple(_runs(pages, geometry.chunk_nr_pages))
    if not runs:
        raise InvalidValue("pages", start.picture, "some memory")
    _validate_rest(start, len(blocks))
    return Drawing(geometry, len(pages), runs)


def _rows(picture: str) -> list[str]:
    return [line.strip() for line in picture.strip().splitlines()] or [""]


def _split(row: str, number: int) -> list[list[_Letter]]:
    """Splits a row into pageblocks."""
    letters = [_Letter(letter, number, column) for column, letter in enumerate(row, start=1)]
    if len(row) < len("|.|") or row[0] != _EDGE or row[-1] != _EDGE:
        accepted = "pageblocks between | and |, such as |M...|....|"
        raise InvalidValue(f"pages, row {number}", row, accepted, row=number, column=1)
    groups = groupby(letters[1:-1], key=lambda letter: letter.letter == _EDGE)
    blocks = [list(group) for is_edge, group in groups if not is_edge]
    for left, right in pairwise(letters):
        if left.letter == right.letter == _EDGE:
            raise right.refuse("a page: no pageblock is empty")
    return blocks


def _geometry(blocks: list[list[_Letter]], chunk_shift: int) -> Geometry:
    size = len(blocks[0])
    for block in blocks:
        if len(block) != size:
            raise block[0].refuse(
                f"pageblocks of one size: the first has {size} pages, this one {len(block)}"
            )
    if not is_power_of_two(size):
        raise blocks[0][0].refuse(f"pageblocks of a power of two; this one has {size} pages")
    if size * len(blocks) > LARGEST_NR_PAGES:
        raise InvalidValue("pages", size * len(blocks), f"at most {LARGEST_NR_PAGES} pages")
    order = size.bit_length() - 1
    chunk_size = (4 * KIB) << (order + chunk_shift)
    geometry = Geometry("picture", 4 * KIB, order + chunk_shift, order, chunk_size, chunk_size)
    geometry.validate()
    if len(blocks) % (1 << chunk_shift):
        accepted = f"a multiple of {1 << chunk_shift}: whole chunks"
        raise InvalidValue("pages: how many pageblocks", len(blocks), accepted)
    return geometry


def _require_whole(chunk: list[_Letter], geometry: Geometry) -> None:
    """Refuses memory in a part of a chunk: it is one memory block."""
    holes = [page for page in chunk if page.letter == _HOLE]
    if holes and len(holes) < geometry.chunk_nr_pages:
        raise holes[0].refuse("a page: a chunk has memory everywhere or nowhere")


def _runs(pages: list[_Letter], chunk_nr_pages: int) -> Iterator[DrawnRun]:
    """Yields what is drawn, in order."""
    pfn = 0
    while pfn < len(pages):
        page = pages[pfn]
        kind = PageKind.NONE if page.letter == _HOLE else _KINDS.get(page.letter)
        if kind is None:
            known = " ".join(_KINDS)
            raise page.refuse(
                "a page or the first page of a run before its dashes" if page.letter == _TAIL else known
            )
        continued = page.letter if kind in _TILES or kind is PageKind.NONE else _TAIL
        end = pfn + 1
        while end < len(pages) and pages[end].letter == continued:
            end += 1
        run = DrawnRun(pfn, end - pfn, kind)
        if continued == _TAIL:
            _require_natural(page, run, chunk_nr_pages)
        if kind is not PageKind.NONE:
            yield run
        pfn = end


def _require_natural(page: _Letter, run: DrawnRun, chunk_nr_pages: int) -> None:
    """Refuses a run that no allocation makes: of an odd size, in an odd place, or too large."""
    is_gigantic = run.kind is PageKind.HUGETLB and run.nr_pages > chunk_nr_pages
    if not is_power_of_two(run.nr_pages):
        raise page.refuse(f"a run of a power of two pages; it has {run.nr_pages}")
    if run.pfn % (chunk_nr_pages if is_gigantic else run.nr_pages):
        raise page.refuse(f"a run of {run.nr_pages} pages at a multiple of its size; it is at page {run.pfn}")
    if run.nr_pages > chunk_nr_pages and not is_gigantic:
        raise page.refuse(f"a run of at most a chunk ({chunk_nr_pages} pages), but for hugetlb (G)")


def _validate_rest(start: PictureStart, nr_blocks: int) -> None:
    """Refuses what goes with the picture and does not fit it."""
    startable = [letter for letter in _TYPES if letter != TYPE_LETTERS[Migratetype.ISOLATE]]
    if start.types and (len(start.types) != nr_blocks or set(start.types) - set(startable)):
        accepted = f"a letter of {' '.join(startable)} for each of {nr_blocks} pageblocks"
        raise InvalidValue("types", start.types, accepted)
    if start.freed and sorted(start.freed) != list(range(nr_blocks)):
        accepted = f"each pageblock once, 0 to {nr_blocks - 1}"
        raise InvalidValue("freed", list(start.freed), accepted)
    if start.zone not in PICTURE_ZONES:
        raise InvalidValue("zone", start.zone, " or ".join(PICTURE_ZONES))


def build(start: PictureStart, policy: KernelPolicy, *, sink: Sink | None = None) -> Node:
    """Makes a node of a picture; each used run is its own owner's: the run at pfn belongs to pfn + 1.

    The pageblocks of areas are CMA by `types`; declaring them makes them areas.
    Raises InvalidValue, for areas that the policy's alignment forbids too (C-7).
    """
    geometry, nr_pages, runs = read_picture(start)
    node = Node(geometry, policy, nr_pages=nr_pages, sink=sink)
    size = geometry.memory_block_nr_pages
    zone = ZoneId(ZONE_NAMES.index(start.zone))
    for block in sorted({pfn // size for run in runs for pfn in range(run.pfn, run.pfn + run.nr_pages)}):
        hotplug.boot_memory(node, block * size, (block + 1) * size, zone)
    if start.types:
        types = np.array([_TYPES[letter] for letter in start.types], np.uint8)
        load.set_pageblock_types(node, np.where(node.pageblock_zones() < 0, np.uint8(0), types))
    for run in runs:
        _place(node, run)
    for block in start.freed or range(nr_pages >> geometry.pageblock_order):
        _free_pageblock(node, runs, block << geometry.pageblock_order)
    load.find_pcp_pages(node)
    _set_reserve(node, start, zone)
    for area in start.areas:
        cma.declare_area(node, area.name, area.start_pfn, area.end_pfn, order_per_bit=area.order_per_bit)
    return node


def _set_reserve(node: Node, start: PictureStart, zone: ZoneId) -> None:
    """Says how many pages the HIGHATOMIC reserve counts."""
    nr_pages = start.nr_reserved_highatomic
    if nr_pages is None:
        nr_blocks = start.types.count(TYPE_LETTERS[Migratetype.HIGHATOMIC])
        nr_pages = nr_blocks << node.geometry.pageblock_order
    load.set_reserved_highatomic(node, zone, nr_pages)


def _place(node: Node, run: DrawnRun) -> None:
    """Writes a run that is not free."""
    if run.kind in _TILES and run.kind is not PageKind.FREE:
        node.set_kind(run.pfn, run.pfn + run.nr_pages, run.kind)
    elif run.kind is not PageKind.FREE:
        order = run.nr_pages.bit_length() - 1
        largest = node.geometry.max_order
        owner = gigantic_owner(run.pfn + 1) if order > largest else _owner_of(node, run)
        for pfn in range(run.pfn, run.pfn + run.nr_pages, 1 << min(order, largest)):
            load.set_run(node, pfn, min(order, largest), kind=run.kind, owner=owner)


def _owner_of(node: Node, run: DrawnRun) -> int:
    """Returns the owner of a run; kernel pages in ZONE_MOVABLE or CMA are drawn there on purpose (INV-15)."""
    zone = node.zone_at(run.pfn)
    is_among_movable = zone is not None and zone.id is ZoneId.MOVABLE
    is_cma = node.arrays.block_type[run.pfn >> node.geometry.pageblock_order] == Migratetype.CMA
    is_placed = run.kind in _KERNEL_KINDS and (is_among_movable or is_cma)
    return placed_owner(run.pfn + 1) if is_placed else run.pfn + 1


def _free_pageblock(node: Node, runs: tuple[DrawnRun, ...], first: int) -> None:
    """Gives a pageblock's free pages to the buddy, each stretch in aligned pieces, ascending."""
    end = first + node.geometry.pageblock_nr_pages
    for run in runs:
        start_pfn, end_pfn = max(run.pfn, first), min(run.pfn + run.nr_pages, end)
        if run.kind is PageKind.FREE and start_pfn < end_pfn:
            node.set_free(start_pfn, end_pfn)


def draw(node: Node) -> str:
    """Draws a node, pageblock by pageblock, in one row."""
    pages = [_HOLE] * node.nr_pages
    for run in census.collect_runs(node):
        letter = LETTERS[run.kind]
        rest = letter if run.kind in _TILES else _TAIL
        pages[run.pfn : run.pfn + (1 << run.order)] = letter + rest * ((1 << run.order) - 1)
    size = node.geometry.pageblock_nr_pages
    blocks = ["".join(pages[first : first + size]) for first in range(0, node.nr_pages, size)]
    return f"|{'|'.join(blocks)}|"


def draw_types(node: Node) -> str:
    """Draws the effective type of every pageblock, a letter each: isolated ones are I, wherever that is kept."""
    types: list[int] = effective_types(node.arrays.block_type).tolist()
    return "".join(TYPE_LETTERS[Migratetype(migratetype)] for migratetype in types)


def draw_free_blocks(node: Node) -> str:
    """Draws the orders of the free blocks, each at its first page; other pages are blank."""
    pages = [" "] * node.nr_pages
    for run in census.collect_runs(node):
        if run.kind is PageKind.FREE:
            pages[run.pfn] = format(run.order, "x")
    return "".join(pages)


def draw_lists(node: Node, zone: int) -> tuple[str, ...]:
    """Names what lies on a zone's free lists, "order@pfn TYPE": types in the kernel's order, small orders first."""
    blocks = census.collect_free_blocks(node, zone)
    return tuple(f"{block.order}@{block.pfn} {block.migratetype.name}" for block in blocks)
