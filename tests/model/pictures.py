"""Pictures of memory: a line of letters becomes a node, and a node becomes the line again.

    |MMMM....|..U.....|     two pageblocks of 8 pages: four anon pages, free ones, one unmovable page
    |C-------|--------|     a compound over both; a run's letter stands at its first page, dashes at the others
    |........|        |     the second pageblock has no memory

Every page of an offline or reserved range has its letter: such ranges are only tiled.
Left out: where free blocks begin and end, and the order of lists (tests.model.observed tells).
"""

from itertools import groupby
from typing import NamedTuple

from app.mm import hotplug
from app.mm.geometry import Geometry
from app.mm.kernels import buddy, layout
from app.mm.node import Node
from app.mm.page import Migratetype, PageKind
from app.mm.policy import policy
from app.mm.zone import ZoneId
from app.units import KIB, is_power_of_two
from tests.model.observed import observe_runs

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
_KINDS = {letter: kind for kind, letter in LETTERS.items()}
# A compound of the kernel may be written C, to tell it from single pages; it is drawn as U.
_KINDS["C"] = PageKind.UNMOVABLE
_TILES = frozenset({PageKind.RESERVED, PageKind.OFFLINE})
_TYPES = {"U": Migratetype.UNMOVABLE, "M": Migratetype.MOVABLE, "R": Migratetype.RECLAIMABLE}
_TYPES |= {"H": Migratetype.HIGHATOMIC, "C": Migratetype.CMA, "I": Migratetype.ISOLATE}
_LETTER_OF_TYPE = {migratetype: letter for letter, migratetype in _TYPES.items()}


class Style(NamedTuple):
    """What a picture does not show. types: a letter per pageblock, U M R H C; all MOVABLE when empty."""

    policy: str = "linux-5.19"
    # H - P: 1 makes a chunk of two pageblocks, 2 of four.
    chunk_shift: int = 1
    zone: ZoneId = ZoneId.NORMAL
    types: str = ""
    # Pageblocks are freed in this order; ascending when empty.
    freed_in_order: tuple[int, ...] = ()


def parse(picture: str, style: Style | None = None) -> Node:
    """Makes a node of a picture. Chunks are memory blocks; watermarks are 0; each used run is its own owner's.

    The owner of the run at pfn is pfn + 1.
    """
    style = style or Style()
    blocks = picture.strip("|").split("|")
    pages = "".join(blocks)
    nr_block_pages = len(blocks[0])
    assert is_power_of_two(nr_block_pages), "pageblocks of a power of two"
    assert all(len(block) == nr_block_pages for block in blocks), "pageblocks of one size"
    geometry = _geometry(nr_block_pages.bit_length() - 1, style.chunk_shift)
    assert len(pages) % geometry.chunk_nr_pages == 0, "whole chunks"
    node = Node(geometry, policy(style.policy), nr_pages=len(pages))
    _put_in_zone(node, pages, style.zone)
    for block, letter in enumerate(style.types):
        node.arrays.block_type[block] = _TYPES[letter]
    _place_runs(node, pages)
    for block in style.freed_in_order or range(len(blocks)):
        _free_pages_of(node, pages, block)
    return node


def _geometry(pageblock_order: int, chunk_shift: int) -> Geometry:
    max_order = pageblock_order + chunk_shift
    size = (4 * KIB) << max_order
    geometry = Geometry("picture", 4 * KIB, max_order, pageblock_order, size, size)
    geometry.validate()
    return geometry


def _put_in_zone(node: Node, pages: str, zone: ZoneId) -> None:
    """Onlines the memory blocks that have memory; a block without any is blank."""
    size = node.geometry.memory_block_nr_pages
    for start in range(0, len(pages), size):
        if pages[start : start + size].strip():
            hotplug.boot_memory(node, start, start + size, zone)


def _place_runs(node: Node, pages: str) -> None:
    """Writes every run that is not free."""
    tiles = [(letter, len(list(group))) for letter, group in groupby(pages)]
    pfn = 0
    for letter, nr_pages in tiles:
        kind = _KINDS.get(letter, PageKind.NONE)
        if kind in _TILES:
            node.set_kind(pfn, pfn + nr_pages, kind)
        elif kind not in (PageKind.NONE, PageKind.FREE):
            for page in range(pfn, pfn + nr_pages):
                _place_run(node, pages, page, kind)
        pfn += nr_pages


def _place_run(node: Node, pages: str, pfn: int, kind: PageKind) -> None:
    nr_pages = 1 + len(pages[pfn + 1 :]) - len(pages[pfn + 1 :].lstrip("-"))
    order = nr_pages.bit_length() - 1
    assert nr_pages == 1 << order, f"a run of {nr_pages} pages"
    layout.set_head(node.arrays, pfn, int(kind), order)
    layout.set_owner(node.arrays, pfn, pfn + 1)
    node.adjust_managed(pfn, nr_pages)


def _free_pages_of(node: Node, pages: str, block: int) -> None:
    """Gives a pageblock's free pages to the buddy, each stretch in aligned pieces, ascending."""
    order = node.geometry.pageblock_order
    start = block << order
    pfn = start
    for letter, group in groupby(pages[start : start + (1 << order)]):
        end = pfn + len(list(group))
        if letter == ".":
            buddy.free_at_tail(node.arrays, pfn, end)
            node.adjust_managed(pfn, end - pfn)
        pfn = end


def draw(node: Node) -> str:
    """Draws a node, pageblock by pageblock."""
    pages = [" "] * node.nr_pages
    for pfn, run in observe_runs(node).items():
        letter = LETTERS[PageKind(run.kind)]
        is_tile = run.kind in _TILES or run.kind == PageKind.FREE
        pages[pfn : pfn + (1 << run.order)] = letter + (letter if is_tile else "-") * ((1 << run.order) - 1)
    size = node.geometry.pageblock_nr_pages
    blocks = ["".join(pages[start : start + size]) for start in range(0, node.nr_pages, size)]
    return f"|{'|'.join(blocks)}|"


def draw_types(node: Node) -> str:
    """Draws the type of every pageblock, a letter each."""
    return "".join(
        _LETTER_OF_TYPE[Migratetype(migratetype)] for migratetype in node.arrays.block_type.tolist()
    )


def draw_free_blocks(node: Node) -> str:
    """Draws the orders of the free blocks, each at its first page; other pages are blank."""
    pages = [" "] * node.nr_pages
    for pfn, run in observe_runs(node).items():
        if run.kind == PageKind.FREE:
            pages[pfn] = str(run.order)
    return "".join(pages)
