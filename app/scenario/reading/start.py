"""The start of a scenario from a file: a picture, or a whole guest with one device.

Kept here: a start that is returned can be made, under some policy at least.
Left out: making it (app.scenario.stage).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from app.errors import CallerError, InvalidValue
from app.guest.page_use import parse_kind
from app.guest.spec import DeviceSpec, GuestSpec, plan_guest
from app.mm.geometry import PRESETS, Geometry, preset
from app.mm.page import PageKind
from app.scenario.picture import LARGEST_NR_PAGES, PICTURE_ZONES, Drawing, read_picture
from app.scenario.reading.document import Value
from app.scenario.script import AreaSpec, GuestStart, PictureStart
from app.units import GIB, is_power_of_two

LARGEST_NR_AREAS = 16
LARGEST_NR_FILL = 256
LONGEST_PICTURE = 16 * 1024
LONGEST_NAME = 16
# A scenario is a question, not a load: larger guests are made by POST /v1/guests.
LARGEST_SIZE = 64 * GIB
LARGEST_ORDER = 15
_PICTURE_KEYS = (
    "pages",
    "types",
    "freed",
    "pageblocks_per_chunk",
    "zone",
    "areas",
    "nr_reserved_highatomic",
)
_GUEST_KEYS = ("guest", "boot", "device", "requested", "block", "memory_block", "online", "fill")
_ZONES = {"kernel": "online_kernel", "movable": "online_movable"}
_CMA, _MOVABLE = "C", "M"


class Ground(NamedTuple):
    """What acts and expectations may name: pages below nr_pages, and areas."""

    geometry: Geometry
    nr_pages: int
    is_guest: bool
    areas: Mapping[str, AreaSpec]


def read_start(value: Value) -> tuple[PictureStart | GuestStart, Ground]:
    """Returns the start that `value` describes, and what can be named on it.

    Raises ScenarioInvalid.
    """
    if isinstance(value.content, dict) and "guest" in value.content:
        return _read_guest(value)
    return _read_picture(value)


def read_range(value: Value, nr_pages: int) -> tuple[int, int]:
    """Returns [start, end) of pages below nr_pages."""
    accepted = f"a range [start, end) of pages, 0 <= start < end <= {nr_pages}"
    if not isinstance(value.content, list) or len(value.content) != len(("start", "end")):
        raise value.refuse(accepted)
    start, end = (number.integer(0, nr_pages) for number in value.content)
    if start >= end:
        raise value.refuse(accepted, value=[start, end])
    return start, end


def read_areas(value: Value, nr_pages: int) -> tuple[AreaSpec, ...]:
    """Returns CMA areas by name, each a range, or a range with order_per_bit."""
    areas: list[AreaSpec] = []
    for name, member in value.mapping(longest=LARGEST_NR_AREAS).items():
        if len(name) > LONGEST_NAME:
            raise member.refuse(f"a name of at most {LONGEST_NAME} characters", value=name)
        pages, order = member, 0
        if isinstance(member.content, dict):
            members = member.mapping(("pages", "order_per_bit"))
            pages = member.require("pages")
            order = members["order_per_bit"].integer(0, LARGEST_ORDER) if "order_per_bit" in members else 0
        start_pfn, end_pfn = read_range(pages, nr_pages)
        areas.append(AreaSpec(name, start_pfn, end_pfn, order))
    return tuple(areas)


def _read_picture(value: Value) -> tuple[PictureStart, Ground]:
    """Reads a picture: a text alone, or with what it does not show."""
    if isinstance(value.content, str):
        members = {"pages": value}
    else:
        members = value.mapping(_PICTURE_KEYS)
        value.require("pages")
    start = _picture_start(members)
    drawing = _checked(value, start)
    if "areas" in members:
        start = _with_areas(start, members["areas"], drawing)
        _checked(members["areas"], start)
    areas = {area.name: area for area in start.areas}
    return start, Ground(drawing.geometry, drawing.nr_pages, is_guest=False, areas=areas)


def _picture_start(members: Mapping[str, Value]) -> PictureStart:
    """Reads what needs no look at the picture."""
    start = PictureStart(members["pages"].text(longest=LONGEST_PICTURE))
    if "types" in members:
        start = replace(start, types=members["types"].text(longest=LARGEST_NR_PAGES))
    if "freed" in members:
        blocks = members["freed"].items(longest=LARGEST_NR_PAGES)
        start = replace(start, freed=tuple(block.integer(0, LARGEST_NR_PAGES) for block in blocks))
    if "pageblocks_per_chunk" in members:
        number = members["pageblocks_per_chunk"].integer(1, 1 << LARGEST_ORDER)
        if not is_power_of_two(number):
            raise members["pageblocks_per_chunk"].refuse("a power of two: 1, 2, 4 ...")
        start = replace(start, chunk_shift=number.bit_length() - 1)
    if "zone" in members:
        start = replace(start, zone=members["zone"].word(PICTURE_ZONES))
    if "nr_reserved_highatomic" in members:
        number = members["nr_reserved_highatomic"].integer(0, LARGEST_NR_PAGES)
        start = replace(start, nr_reserved_highatomic=number)
    return start


def _checked(value: Value, start: PictureStart) -> Drawing:
    try:
        return read_picture(start)
    except InvalidValue as wrong:
        raise value.refuse_as(wrong) from wrong


def _with_areas(start: PictureStart, value: Value, drawing: Drawing) -> PictureStart:
    """Adds areas: whole pageblocks, which are CMA; types that are given have to say so too."""
    size = drawing.geometry.pageblock_nr_pages
    types = list(start.types or _MOVABLE * (drawing.nr_pages // size))
    taken: set[int] = set()
    areas = read_areas(value, drawing.nr_pages)
    for area in areas:
        member = value.require(area.name)
        blocks = range(area.start_pfn // size, -(-area.end_pfn // size))
        if (area.start_pfn | area.end_pfn) % size:
            raise member.refuse(f"whole pageblocks: multiples of {size} pages")
        if taken & set(blocks):
            first = min(taken & set(blocks)) * size
            accepted = f"pages that no other area has: one has page {first}"
            raise member.refuse(accepted, value=[area.start_pfn, area.end_pfn])
        if start.types and {types[block] for block in blocks} - {_CMA}:
            raise member.refuse(f"pageblocks that `types` calls {_CMA}")
        taken |= set(blocks)
        for block in blocks:
            types[block] = _CMA
    return replace(start, types="".join(types), areas=areas)


def _read_guest(value: Value) -> tuple[GuestStart, Ground]:
    """Reads a guest; its policy-dependent laws are checked under the default policy."""
    members = value.mapping(_GUEST_KEYS)
    sizes = {key: value.require(key).size(LARGEST_SIZE) for key in ("boot", "device", "requested")}
    optional = {
        key: members[key].size(LARGEST_SIZE) if key in members else None for key in ("block", "memory_block")
    }
    start = GuestStart(
        preset=members["guest"].word(PRESETS),
        boot_size=sizes["boot"],
        device_size=sizes["device"],
        requested_size=sizes["requested"],
        block_size=optional["block"],
        online=_ZONES[members["online"].word(_ZONES)] if "online" in members else _ZONES["kernel"],
        memory_block_size=optional["memory_block"],
    )
    geometry = preset(start.preset)
    nr_pages = start.device_size // geometry.page_size
    start = replace(start, fill=_read_fill(members["fill"], nr_pages) if "fill" in members else ())
    try:
        plan_guest(guest_spec(start))
    except CallerError as wrong:
        raise value.refuse_as(wrong) from wrong
    return start, Ground(geometry, nr_pages, is_guest=True, areas={})


def guest_spec(start: GuestStart, policy: str = "linux-5.19") -> GuestSpec:
    """Returns the spec of a scenario's guest: one device, nothing but boot memory in use."""
    device = DeviceSpec(
        size=start.device_size, block_size=start.block_size, requested_size=start.requested_size
    )
    return GuestSpec(
        name="scenario",
        boot_size=start.boot_size,
        preset=start.preset,
        policy=policy,
        online=start.online,
        devices=(device,),
        memory_block_size=start.memory_block_size,
    )


def _read_fill(value: Value, nr_pages: int) -> tuple[tuple[PageKind, int], ...]:
    """Reads single pages that are taken after the plug: kind -> pfns."""
    fill: list[tuple[PageKind, int]] = []
    for name, pfns in value.mapping().items():
        try:
            kind = parse_kind(name, field="kind")
        except InvalidValue as wrong:
            raise pfns.refuse_as(wrong) from wrong
        fill += [(kind, pfn.integer(0, nr_pages - 1)) for pfn in pfns.items(longest=LARGEST_NR_FILL)]
    if len({pfn for _, pfn in fill}) < len(fill):
        raise value.refuse("each page once")
    return tuple(fill)
