"""The facts that every resize has: sizes, requests, calls, and what the guest's memory is afterwards."""

from collections.abc import Iterable, Iterator

from app.mm.memory_block import MemoryBlockState
from app.mm.zone import ZONE_NAMES
from tests.kernel_facts import wording
from tests.kernel_facts.facts import FactTable
from tests.kernel_facts.playing import PAGEBLOCK, Done, Played
from tests.kernel_facts.recordings import Json, calls_of, requests_of
from tests.kernel_facts.snapshot_guest import Pageblocks, ids_of, pageblocks_of

_ABSENT = frozenset({"offline", "nopage"})
_PAGE_KB = 4
# min, low and high of a zone, by its name.
_Marks = dict[str, tuple[int, ...]]


def add_resize(table: FactTable, step: Json, done: Done) -> None:
    """Adds what moved: the size reached, the requests in their order, the sizes on the way."""
    table.exact("size reached", step["size"], done.size, show=wording.mib)
    if "requests" in step:
        table.exact("requests", requests_of(step), done.requests, show=wording.requests)
    seen = [size for _, size in step["timeline"]]
    table.holds(
        "sizes on the way",
        ", ".join(str(size // wording.MIB) for size in seen),
        f"{len(done.sizes)} sizes, to {wording.mib(done.size)}",
        is_true=is_in_order(seen, [step.get("before", seen[0]), *done.sizes, done.size]),
        note="the samples, taken every 20 ms, are among the simulated sizes, in their order",
    )


def is_in_order(samples: Iterable[int], passed: Iterable[int]) -> bool:
    """Returns whether every sample is one of `passed`, each not before the one before it."""
    left = iter(passed)
    now = None
    for sample in samples:
        while now != sample:
            now = next(left, None)
            if now is None:
                return False
    return True


def add_calls(table: FactTable, step: Json, done: Done) -> None:
    """Adds the alloc_contig_range() calls: the first ones in order, and all of them by size and result."""
    record = step["alloc_contig_range"]
    first = calls_of(record)
    table.exact("first alloc_contig_range calls", first, done.calls[: len(first)], show=wording.calls)
    table.exact("alloc_contig_range results", record["summary"], done.call_counts(), show=_sums)


def _sums(counts: dict[str, int]) -> str:
    return ", ".join(f"{text}: {counts[text]}" for text in sorted(counts))


def add_memory(table: FactTable, snapshot: Json, played: Played) -> None:
    """Adds what is left: pageblocks, memory blocks, and the zones' sizes and watermarks if they were recorded."""
    online = plugged_in(pageblocks_of(snapshot))
    table.exact("pageblocks online", online, played.online_pageblocks(), show=wording.pageblocks)
    add_memory_blocks(table, snapshot["memory_blocks"], played)
    total = sum(zone.managed for zone in played.guest.node.zones) * _PAGE_KB
    table.exact("MemTotal", snapshot["MemTotal"], total, show=lambda size: f"{size} kB")
    for name in ("Normal", "Movable"):
        if name in snapshot.get("zones", {}):
            _add_zone(table, name, snapshot, played)


def add_memory_blocks(table: FactTable, recorded: Iterable[Json], played: Played) -> None:
    """Adds state and zone of the device's memory blocks."""
    table.exact("memory blocks", _recorded_blocks(recorded), dict(_states_of(played)), show=_blocks)


def plugged_in(pageblocks: Pageblocks) -> frozenset[int]:
    """Returns the pageblocks that hold any page which is there and not offline."""
    return frozenset(number for number, kinds in enumerate(pageblocks) if not _ABSENT & kinds.keys())


def _recorded_blocks(rows: Iterable[Json]) -> dict[int, str]:
    return {
        index: f"{row['state']} {row['valid_zones']}" if row["state"] == "online" else row["state"]
        for row in rows
        if row["where"] == "dev"
        for index in ids_of(row["ids"])
    }


def _states_of(played: Played) -> Iterator[tuple[int, str]]:
    blocks = played.guest.node.memory_blocks
    for index in blocks.present_ids():
        if played.driver.owns(index):
            zone = blocks.zone_id(index)
            online = blocks.state(index) is MemoryBlockState.ONLINE and zone is not None
            yield index, f"online {ZONE_NAMES[zone]}" if online and zone is not None else "offline"


def _blocks(states: dict[int, str]) -> str:
    by_state: dict[str, list[int]] = {}
    for index, state in states.items():
        by_state.setdefault(state, []).append(index)
    return "; ".join(f"{wording.numbers(ids)} {state}" for state, ids in sorted(by_state.items())) or "none"


def _add_zone(table: FactTable, name: str, snapshot: Json, played: Played) -> None:
    """Adds a hotplugged zone's sizes, and the watermarks of all zones, which its size decides."""
    fact = snapshot["zones"][name]
    zone = next(zone for zone in played.guest.node.zones if zone.name == name)
    sizes = (zone.start_pfn, zone.spanned, zone.present, zone.managed)
    recorded = tuple(fact[key] for key in ("start_pfn", "spanned", "present", "managed"))
    table.exact(f"zone {name}: start, spanned, present, managed", recorded, sizes)


def add_watermarks(table: FactTable, snapshot: Json, played: Played) -> None:
    """Adds min, low and high of every zone."""
    recorded: _Marks = {
        name: (fact["min"], fact["low"], fact["high"]) for name, fact in snapshot["zones"].items()
    }
    marks: _Marks = {zone.name: tuple(zone.watermarks) for zone in played.guest.node.zones if zone.present}
    table.exact("watermarks", recorded, marks, show=_marks)


def _marks(marks: _Marks) -> str:
    return ", ".join(f"{name} {'/'.join(map(str, values))}" for name, values in marks.items())


def pages_in_use(pageblocks: Pageblocks) -> int:
    """Counts the pages that are neither free nor absent nor part of a pageblock of nothing but unflagged ones."""
    return sum(
        PAGEBLOCK - kinds.get("buddy", 0)
        for kinds in pageblocks
        if not _ABSENT & kinds.keys() and kinds.get("other", 0) < PAGEBLOCK
    )
