"""Parsers of the text files that a capture holds, and the records that they give.

Mirrors what mm/vmstat.c (zoneinfo, buddyinfo, pagetypeinfo), kernel/resource.c (iomem), fs/proc/meminfo.c and
drivers/base/memory.c print, Linux 5.10 to 6.18.
Kept here: no text, however damaged, raises anything but InvalidValue; every number returned fits 63 bits.
Left out: per-node statistics, and everything else that no simulated guest needs.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from app.errors import InvalidValue

_LARGEST = (1 << 63) - 1
_NODE_ZONE = re.compile(r"Node\s+(\d{1,6}), zone\s+([A-Za-z0-9]{1,16})", re.ASCII)
_LONGEST_LINE = 4096  # of those that are taken apart: words cost twenty times what their text does
_LONGEST_LINE_QUOTED = 80


class ZoneKey(NamedTuple):
    """Names a zone: several nodes may each have one of the same name."""

    node: int
    name: str


class CapturedZone(NamedTuple):
    """A zone of zoneinfo, counted in pages. An unpopulated zone has start_pfn 0 and spans nothing."""

    node: int
    name: str
    start_pfn: int
    spanned: int
    present: int
    managed: int
    free: int
    min: int
    low: int
    high: int
    boost: int
    pcp_count: int  # pages that sit on per-cpu lists, all processors together
    protection: tuple[int, ...]

    @property
    def key(self) -> ZoneKey:
        """Its name, as buddyinfo and pagetypeinfo are keyed."""
        return ZoneKey(self.node, self.name)

    @property
    def end_pfn(self) -> int:
        """First pfn behind its span."""
        return self.start_pfn + self.spanned


class CapturedPageTypes(NamedTuple):
    """What pagetypeinfo says: free entries per order, and pageblocks, by the kernel's migratetype names."""

    pageblock_order: int
    free: dict[ZoneKey, dict[str, tuple[int, ...]]]  # at most 100000 each: the kernel stops counting there
    blocks: dict[ZoneKey, dict[str, int]]


class IomemRange(NamedTuple):
    """Bytes [start, end) of physical address space; depth 0 lies in no other range."""

    start: int
    end: int
    name: str
    depth: int


class CapturedMemoryBlock(NamedTuple):
    """A Linux memory block; `valid_zones` holds its zone once online, else those that it could go to."""

    id: int
    phys_index: int
    state: str
    valid_zones: tuple[str, ...]
    removable: bool | None
    node: int | None


def parse_zoneinfo(text: str) -> tuple[CapturedZone, ...]:
    """Returns the zones of /proc/zoneinfo, unpopulated ones too.

    Raises InvalidValue when it lists no zone, lists one twice, or leaves out a zone's sizes or watermarks.
    """
    zones = tuple(_parse_zone(key, body) for key, body in _split_zones(text))
    if not zones:
        raise _defect("zoneinfo", "it lists no zone")
    if len({zone.key for zone in zones}) < len(zones):
        raise _defect("zoneinfo", "it lists a zone twice")
    return zones


def _split_zones(text: str) -> Iterator[tuple[ZoneKey, str]]:
    headings = list(_NODE_ZONE.finditer(text))
    starts = [match.start() for match in headings]
    for match, end in zip(headings, [*starts[1:], len(text)], strict=False):
        yield _zone_key(match), text[match.end() : end]


_ZONE_FIELD = re.compile(
    r"^ *(pages free|boost|min|low|high|spanned|present|managed|start_pfn:) +(\d+)$", re.ASCII | re.MULTILINE
)
_PCP_COUNT = re.compile(r"^ +count: +(\d+)$", re.ASCII | re.MULTILINE)
_PROTECTION = re.compile(r"^ +protection: \(([\d, ]*)\)$", re.ASCII | re.MULTILINE)


def _parse_zone(key: ZoneKey, body: str) -> CapturedZone:
    where = f"zoneinfo, node {key.node} zone {key.name}"
    fields: dict[str, int] = {}
    for name, digits in _ZONE_FIELD.findall(body):
        # The first one counts: further down, other structures have fields of the same names.
        fields.setdefault(name, _number(digits, where))
    for name in ("pages free", "min", "low", "high", "spanned", "present", "managed"):
        if name not in fields:
            raise _defect(where, f'the line "{name}" is missing')
    protection = _PROTECTION.search(body)
    zone = CapturedZone(
        node=key.node,
        name=key.name,
        start_pfn=fields.get("start_pfn:", 0),
        spanned=fields["spanned"],
        present=fields["present"],
        managed=fields["managed"],
        free=fields["pages free"],
        min=fields["min"],
        low=fields["low"],
        high=fields["high"],
        boost=fields.get("boost", 0),
        pcp_count=sum(_number(digits, where) for digits in _PCP_COUNT.findall(body)),
        protection=_numbers(protection.group(1).replace(",", " "), where) if protection else (),
    )
    _validate_zone(zone, where)
    return zone


def _validate_zone(zone: CapturedZone, where: str) -> None:
    """Raises InvalidValue unless managed <= present <= spanned, as the kernel keeps them, and sums fit."""
    if not zone.managed <= zone.present <= zone.spanned:
        sizes = f"managed {zone.managed}, present {zone.present}, spanned {zone.spanned}"
        raise _defect(where, f"{sizes}: each should be at least the one before")
    if max(zone.end_pfn, zone.pcp_count) > _LARGEST:
        raise _defect(where, "its numbers add up to more than 63 bits")


def parse_buddyinfo(text: str) -> dict[ZoneKey, tuple[int, ...]]:
    """Returns the number of free entries of each order, 0 first, of each zone of /proc/buddyinfo."""
    found: dict[ZoneKey, tuple[int, ...]] = {}
    for line in _lines(text):
        match = _NODE_ZONE.match(line)
        if match is None:
            raise _defect("buddyinfo", f"a line reads {_quote(line)}")
        found[_zone_key(match)] = _numbers(line[match.end() :], "buddyinfo")
    if len({len(counts) for counts in found.values()}) > 1:
        raise _defect("buddyinfo", "its zones have different numbers of orders")
    return found


_PAGEBLOCK_ORDER = re.compile(r"^Page block order: +(\d+)$", re.ASCII | re.MULTILINE)
_BLOCK_TYPES = re.compile(r"^Number of blocks type +(.*)$", re.MULTILINE)
_TYPE = re.compile(r", type +(\w{1,32})", re.ASCII)
_HIGHEST_PAGEBLOCK_ORDER = 20


def parse_pagetypeinfo(text: str) -> CapturedPageTypes:
    """Returns the free entries and pageblocks per migratetype that /proc/pagetypeinfo lists."""
    order = _PAGEBLOCK_ORDER.search(text)
    types = _BLOCK_TYPES.search(text)
    if order is None or types is None:
        raise _defect("pagetypeinfo", '"Page block order:" or "Number of blocks type" is missing')
    pageblock_order = _number(order.group(1), "pagetypeinfo")
    if pageblock_order > _HIGHEST_PAGEBLOCK_ORDER:
        raise _defect("pagetypeinfo", f"the page block order is {pageblock_order}")
    free: dict[ZoneKey, dict[str, tuple[int, ...]]] = {}
    for key, type_name, counts in _free_lines(text[: types.start()]):
        free.setdefault(key, {})[type_name] = counts
    names = _words(types.group(1), "pagetypeinfo")
    return CapturedPageTypes(pageblock_order, free, _block_counts(names, text[types.end() :]))


def _free_lines(text: str) -> Iterator[tuple[ZoneKey, str, tuple[int, ...]]]:
    """Yields zone, migratetype and entries per order of each line of the upper table."""
    for line in _lines(text):
        match = _NODE_ZONE.match(line)
        if match is None:
            continue
        type_name = _TYPE.match(line, match.end())
        if type_name is None:
            raise _defect("pagetypeinfo", f"a line reads {_quote(line)}")
        # ">100000": the kernel stopped counting, so as not to hold the zone's lock for long.
        counts = _numbers(line[type_name.end() :].replace(">", " "), "pagetypeinfo")
        yield _zone_key(match), type_name.group(1), counts


def _block_counts(names: list[str], text: str) -> dict[ZoneKey, dict[str, int]]:
    """Returns the lower table; a kernel built to follow mixed pageblocks prints a third, which ends it."""
    blocks: dict[ZoneKey, dict[str, int]] = {}
    for line in _lines(text):
        match = _NODE_ZONE.match(line)
        if match is None:
            if line.strip():
                break
            continue
        counts = _numbers(line[match.end() :], "pagetypeinfo")
        if len(counts) != len(names):
            raise _defect("pagetypeinfo", f"{len(names)} types head the line {_quote(line)}")
        blocks[_zone_key(match)] = dict(zip(names, counts, strict=True))
    return blocks


_IOMEM = re.compile(r"( *)([0-9a-f]{1,16})-([0-9a-f]{1,16}) : (.*)", re.ASCII)


def parse_iomem(text: str) -> tuple[IomemRange, ...]:
    """Returns the ranges of /proc/iomem in its order, parents before what lies in them."""
    return tuple(_iomem_range(line) for line in _lines(text))


def _iomem_range(line: str) -> IomemRange:
    match = _IOMEM.fullmatch(line)
    if match is None:
        raise _defect("iomem", f"a line reads {_quote(line)}")
    indentation, first, last, name = match.groups()
    start, end = int(first, 16), int(last, 16) + 1
    if not start <= end <= _LARGEST:
        raise _defect("iomem", f"a range is reversed or ends beyond every address: {_quote(line)}")
    return IomemRange(start, end, name, len(indentation) // 2)


_MEMORY_STATES = ("online", "offline", "going-offline")
_NR_MEMORY_COLUMNS = 6


def parse_memory_blocks(text: str) -> tuple[CapturedMemoryBlock, ...]:
    """Returns the memory blocks by rising id, from the table that capture.py makes of their sysfs folders.

    A line: name, phys_index, state, valid_zones, removable, node, parted by tabs; "-" for what sysfs lacks.
    """
    blocks = sorted(_memory_block(line) for line in _lines(text))
    if len({block.id for block in blocks}) < len(blocks):
        raise _defect("memory blocks", "one is listed twice")
    return tuple(blocks)


_MEMORY_NAME = re.compile(r"memory(\d{1,12})", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{1,12}", re.ASCII)
_NODE_NAME = re.compile(r"node(\d{1,6})", re.ASCII)


def _memory_block(line: str) -> CapturedMemoryBlock:
    columns = line.split("\t", _NR_MEMORY_COLUMNS)
    if len(columns) != _NR_MEMORY_COLUMNS:
        raise _defect("memory blocks", f"a line reads {_quote(line)}")
    name, phys_index, state, zones, removable, node = columns
    match = _MEMORY_NAME.fullmatch(name)
    if match is None or _HEX.fullmatch(phys_index) is None or state not in _MEMORY_STATES:
        raise _defect("memory blocks", f"a line reads {_quote(line)}")
    on_node = _NODE_NAME.fullmatch(node)
    return CapturedMemoryBlock(
        id=int(match.group(1)),
        phys_index=int(phys_index, 16),
        state=state,
        valid_zones=() if zones in ("none", "-") else tuple(_words(zones, "memory blocks")),
        removable=None if removable == "-" else removable != "0",
        node=None if on_node is None else int(on_node.group(1)),
    )


_VERSION = re.compile(r"Linux version (\S{1,128})")
_MEMINFO = re.compile(r"^([^:\s]{1,64}):\s+(\d+)( kB)?$", re.ASCII | re.MULTILINE)


def parse_meminfo(text: str) -> dict[str, int]:
    """Returns the lines of /proc/meminfo: bytes where the kernel prints kB, plain counts elsewhere."""
    return {
        name: _number(digits, "meminfo") * (1024 if unit else 1)
        for name, digits, unit in _MEMINFO.findall(text)
    }


def parse_vmstat(text: str) -> dict[str, int]:
    """Returns the counters of /proc/vmstat, without those that wrapped around below zero."""
    counters = (line.partition(" ") for line in _lines(text))
    return {name: int(value) for name, _, value in counters if _is_number(value)}


def parse_version(text: str) -> str:
    """Returns the release that /proc/version tells, such as 6.1.0-56-amd64."""
    match = _VERSION.match(text)
    if match is None:
        raise _defect("version", f"it reads {_quote(text)}")
    return match.group(1)


def parse_block_size(text: str) -> int:
    """Returns the size of memory blocks, which block_size_bytes tells in hexadecimal."""
    if _HEX.fullmatch(text.strip()) is None:
        raise _defect("block_size_bytes", f"it reads {_quote(text)}")
    return int(text.strip(), 16)


def parse_number(text: str) -> int:
    """Returns the one decimal number that a file such as min_free_kbytes holds."""
    return _number(text.strip(), "a file of one number")


def _zone_key(match: re.Match[str]) -> ZoneKey:
    return ZoneKey(int(match.group(1)), match.group(2))


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]


def _numbers(text: str, where: str) -> tuple[int, ...]:
    return tuple(_number(word, where) for word in _words(text, where))


def _words(line: str, where: str) -> list[str]:
    if len(line) > _LONGEST_LINE:
        raise _defect(where, f"a line of {len(line)} characters")
    return line.split()


def _number(digits: str, where: str) -> int:
    if not _is_number(digits):
        raise _defect(where, f"{_quote(digits)} is no number of 63 bits")
    return int(digits)


_DIGITS = re.compile(r"\d{1,19}", re.ASCII)


def _is_number(digits: str) -> bool:
    return _DIGITS.fullmatch(digits) is not None and int(digits) <= _LARGEST


def _quote(line: str) -> str:
    return repr(line[:_LONGEST_LINE_QUOTED])


def _defect(where: str, what: str) -> InvalidValue:
    return InvalidValue("capture", f"{where}: {what}", "the text that Linux 5.10 to 6.18 gives there")
