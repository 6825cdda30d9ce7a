"""Starts from files: pictures with what they do not show, and guests."""

import pytest

from app.mm.page import PageKind
from app.scenario.reading.document import parse_document
from app.scenario.reading.start import LARGEST_NR_AREAS, LARGEST_NR_FILL, LONGEST_NAME, Ground, read_start
from app.scenario.script import AreaSpec, GuestStart, PictureStart
from tests.scenario.bad_files import assert_refused, replaced

START_LINE = 3
GUEST = "guest: x86-64, boot: 1GiB, device: 128MiB, requested: 64MiB"


def read(text: str) -> tuple[PictureStart | GuestStart, Ground]:
    """Reads a start."""
    return read_start(parse_document(text, file="f"))


def test_read_of_a_bare_picture_takes_the_defaults() -> None:
    """A text alone is the pages."""
    start, ground = read('"|....|M...|"')
    assert start == PictureStart("|....|M...|")
    assert (ground.nr_pages, ground.is_guest, ground.geometry.pageblock_nr_pages) == (8, False, 4)


def test_read_of_a_picture_with_everything_keeps_it() -> None:
    """Types, order of frees, chunk, zone, areas and reserve."""
    start, ground = read(
        'pages: "|....|....|....|....|"\ntypes: HCCM\nfreed: [3, 2, 1, 0]\npageblocks_per_chunk: 4\nzone: Movable\n'
        "areas: {X: {pages: [4, 12], order_per_bit: 1}}\nnr_reserved_highatomic: 2\n"
    )
    assert start == PictureStart(
        "|....|....|....|....|",
        "HCCM",
        (3, 2, 1, 0),
        2,
        "Movable",
        (AreaSpec("X", 4, 12, 1),),
        2,
    )
    assert set(ground.areas) == {"X"}


def test_read_of_areas_makes_their_pageblocks_cma() -> None:
    """Types that are left out are MOVABLE, but for the areas."""
    start, _ = read('{pages: "|....|....|....|....|", areas: {X: [4, 8], Y: [12, 16]}}')
    assert isinstance(start, PictureStart)
    assert start.types == "MCMC"


def test_read_of_a_guest_keeps_sizes_in_bytes() -> None:
    """Sizes are read as people write them; pages are relative to the device."""
    start, ground = read(f"{{{GUEST}, block: 4MiB, online: movable, fill: {{slab: [0], pinned: [5, 6]}}}}")
    assert isinstance(start, GuestStart)
    assert (start.device_size, start.requested_size, start.block_size) == (128 << 20, 64 << 20, 4 << 20)
    assert start.online == "online_movable"
    assert start.fill == ((PageKind.UNMOVABLE, 0), (PageKind.PINNED, 5), (PageKind.PINNED, 6))
    assert (ground.nr_pages, ground.is_guest) == (32768, True)


@pytest.mark.parametrize(
    ("start", "accepted"),
    [
        ("[1]", "a mapping of at most 64 members with the keys pages, types"),
        ("{types: MM}", "has 'pages' as well"),
        ('{pages: "|....|....|", size: 4}', "no such key here; known: pages, types"),
        ('"|...|...|"', "power of two"),
        ('"|....|"', "whole chunks"),
        ('"|....|x...|"', ". c M f"),
        ('"|.T--|....|"', "a run of a power of two"),
        ('"|....|.T-.|"', "at a multiple of its size"),
        ('{pages: "|....|....|", types: MX}', "a letter of U M R H C for each of 2"),
        ('{pages: "|....|....|", types: MMM}', "a letter of U M R H C for each of 2"),
        ('{pages: "|....|....|", freed: [0]}', "each pageblock once, 0 to 1"),
        ('{pages: "|....|....|", freed: [0, x]}', "an integer from 0"),
        ('{pages: "|....|....|", pageblocks_per_chunk: 3}', "a power of two: 1, 2, 4"),
        ('{pages: "|....|....|", pageblocks_per_chunk: 4}', "a multiple of 4: whole chunks"),
        ('{pages: "|....|....|", pageblocks_per_chunk: 16384}', "1 to 15"),
        ('{pages: "|....|....|", zone: DMA}', "one of Normal, Movable"),
        ('{pages: "|....|....|", nr_reserved_highatomic: -1}', "an integer from 0"),
        ('{pages: "|....|....|", areas: [4, 8]}', f"a mapping of at most {LARGEST_NR_AREAS}"),
        ('{pages: "|....|....|", areas: {X: 4}}', "a range [start, end)"),
        ('{pages: "|....|....|", areas: {X: [4]}}', "a range [start, end)"),
        ('{pages: "|....|....|", areas: {X: [4, 12]}}', "an integer from 0 to 8"),
        ('{pages: "|....|....|", areas: {X: [4, 4]}}', "0 <= start < end <= 8"),
        ('{pages: "|....|....|", areas: {X: [4, 6]}}', "whole pageblocks: multiples of 4"),
        ('{pages: "|....|....|", areas: {X: [0, 8], Y: [4, 8]}}', "pages that no other area has"),
        ('{pages: "|....|....|", types: MM, areas: {X: [4, 8]}}', "pageblocks that `types` calls C"),
        (
            '{pages: "|....|....|", areas: {X: {pages: [4, 8], bits: 1}}}',
            "no such key here; known: pages, order",
        ),
        (f'{{pages: "|....|....|", areas: {{{"X" * (LONGEST_NAME + 1)}: [4, 8]}}}}', "a name of at most 16"),
        ("{guest: vax, boot: 1GiB, device: 128MiB, requested: 0}", "one of x86-64"),
        ("{guest: x86-64, boot: 1GiB, device: 128MiB}", "has 'requested' as well"),
        ("{guest: x86-64, boot: 1TiB, device: 128MiB, requested: 0}", "at most 68719476736 bytes"),
        ("{guest: x86-64, boot: 1MiB, device: 128MiB, requested: 0}", "a multiple of 2 MiB"),
        (f"{{{GUEST}, pages: x}}", "no such key here; known: guest, boot"),
        (f"{{{GUEST}, online: both}}", "one of kernel, movable"),
        (f"{{{GUEST}, fill: {{butter: [0]}}}}", "one of anon"),
        (f"{{{GUEST}, fill: {{slab: [32768]}}}}", "an integer from 0 to 32767"),
        (f"{{{GUEST}, fill: {{slab: [1], anon: [1]}}}}", "each page once"),
        (
            f"{{{GUEST}, fill: {{slab: [{'1, ' * (LARGEST_NR_FILL + 1)}]}}}}",
            f"a list of 0 to {LARGEST_NR_FILL}",
        ),
    ],
)
def test_read_of_a_start_that_cannot_be_names_its_line(start: str, accepted: str) -> None:
    """Broken pictures, overlapping areas, ranges outside memory, impossible guests."""
    assert_refused(replaced(START_LINE, f"start: {start}"), START_LINE, accepted)
