"""Idle guests: plugged to 1 and 4 GiB, taken back, and asked for sizes between; ZONE_NORMAL and ZONE_MOVABLE.

Simulated twice: one guest that does all steps from boot on, and for each unplug one of the pages recorded before it.
Only the second has the kernel's own pages in the device's memory, which decide what stays of it in the end.
"""

from app.guest.creation import create_guest
from app.mm.zone import ZoneId
from tests.kernel_facts import steps, wording
from tests.kernel_facts.facts import FactTable, Row
from tests.kernel_facts.geometry import spec_of
from tests.kernel_facts.playing import PAGEBLOCK, Played
from tests.kernel_facts.recordings import Json, Scenario, requests_of, scenario
from tests.kernel_facts.snapshot_guest import Pageblocks, pageblocks_of
from tests.kernel_facts.starting import booted, loaded_before

NAMES = ("idle_kernel", "idle_movable")
_OWN_PAGES = "pages that the real guest's processes, kernel and per-CPU lists hold"
# Two processors, each of which takes two pageblocks at a time and may leave one on its list.
_CACHED_PAGEBLOCKS = 2
# Two processors, six batches of 63 pages each.
_OLD_PER_CPU_PAGES = 756


def rows(kernel: str) -> list[Row]:
    """Returns the facts of both idle guests."""
    found = []
    for name in NAMES:
        facts = scenario(kernel, name)
        found += [*_from_boot(facts), *_from_sizes(facts), *_from_page_map(facts)]
    return found


def _from_boot(facts: Scenario) -> list[Row]:
    """Plays all steps one after the other, as far as the kernel's own pages do not matter."""
    table = FactTable(facts.kernel, facts.name)
    played = booted(facts.kernel, facts.settings[0])
    before = facts.steps[0]["snapshot"]
    for number, step in facts.find("resize"):
        if facts.name == "idle_kernel" and step["requested"] == 0:
            break
        table.at(number)
        free_before = _boot_free(played)
        steps.add_resize(table, step, played.resize(step["requested"]))
        after = step["after"]
        steps.add_memory(table, after, played)
        _add_free_memory(table, after, played, kernel=facts.kernel)
        if "zones" in after and "zones" in before:
            taken = free_before - _boot_free(played)
            _add_boot_memory(table, (before, after), played, taken=taken, kernel=facts.kernel)
        if "zones" in after:
            steps.add_watermarks(table, after, played)
        before = after
    return table.rows


def _from_sizes(facts: Scenario) -> list[Row]:
    """Plays the first plug on a guest that was made of nothing but sizes."""
    table = FactTable(facts.kernel, facts.name)
    number, step = next(facts.find("resize"))
    table.at(number, "made of sizes")
    played = Played(create_guest(spec_of(facts.settings[0])))
    steps.add_resize(table, step, played.resize(step["requested"]))
    online = steps.plugged_in(pageblocks_of(step["after"]))
    table.exact("pageblocks online", online, played.online_pageblocks(), show=wording.pageblocks)
    _add_memmaps(table, pageblocks_of(step["after"]), played, kernel=facts.kernel)
    return table.rows


def _from_page_map(facts: Scenario) -> list[Row]:
    """Plays each unplug on a guest of the pages recorded before it."""
    table = FactTable(facts.kernel, facts.name)
    for number, step in facts.find("resize"):
        if not any(request["op"] == "unplug" for request in step["requests"]):
            continue
        table.at(number, "from the page map")
        played = loaded_before(facts, number)
        done = played.resize(step["requested"])
        table.exact("size reached", step["size"], done.size, show=wording.mib)
        table.exact("requests", requests_of(step), done.requests, show=wording.requests)
        steps.add_memory(table, step["after"], played)
        if "zones" in step["after"]:
            steps.add_watermarks(table, step["after"], played)
    return table.rows


# ------------------------------------------------------------------------------------- free memory


def _add_free_memory(table: FactTable, snapshot: Json, played: Played, *, kernel: str) -> None:
    """Adds the device's free pages and free chunks, and the pageblocks that memmaps fill."""
    pageblocks = pageblocks_of(snapshot)
    _add_memmaps(table, pageblocks, played, kernel=kernel)
    full, memmaps = _nothing_but_unflagged(pageblocks), _memmap_pageblocks(played)
    for zone in played.guest.node.zones:
        if zone.name not in {"Normal", "Movable"} or not zone.present:
            continue
        counts = snapshot["buddyinfo"].get(zone.name, [0])
        surplus = abs(len(full) - len(memmaps)) * PAGEBLOCK
        slack = steps.pages_in_use(pageblocks) + surplus
        free = sum(count << order for order, count in enumerate(counts))
        table.within(f"free pages of zone {zone.name}", (free, zone.nr_free), slack, why=_OWN_PAGES)
        largest = int(played.guest.node.nr_free[zone.index][-1])
        chunks = _broken_chunks(pageblocks) + len(full) + len(memmaps)
        table.within(
            f"free entries of order 10 in zone {zone.name}",
            (counts[-1], largest),
            chunks,
            why="chunks that the real guest uses a part of",
        )


def _add_memmaps(table: FactTable, pageblocks: Pageblocks, played: Played, *, kernel: str) -> None:
    """Adds how many pageblocks of the device memmaps fill."""
    table.within(
        "pageblocks of nothing but memmap",
        (len(_nothing_but_unflagged(pageblocks)), len(_memmap_pageblocks(played))),
        0 if kernel == "5.10" else _CACHED_PAGEBLOCKS,
        why="since 5.14 per-CPU lists hold whole pageblocks, which look the same",
    )


def _nothing_but_unflagged(pageblocks: Pageblocks) -> list[int]:
    return [number for number, kinds in enumerate(pageblocks) if kinds.get("other") == PAGEBLOCK]


def _memmap_pageblocks(played: Played) -> list[int]:
    runs = [pfn for pfns in played.guest.node.memmaps.values() for pfn in pfns]
    return [pfn for pfn in runs if pfn >= played.first_pfn]


def _broken_chunks(pageblocks: Pageblocks) -> int:
    """Counts the chunks of two pageblocks that are there and not free as a whole."""
    pairs = zip(pageblocks[::2], pageblocks[1::2], strict=True)
    return sum(
        1
        for pair in pairs
        if any("nopage" not in kinds and kinds.get("buddy", 0) < PAGEBLOCK for kinds in pair)
    )


def _boot_free(played: Played) -> int:
    return sum(zone.nr_free for zone in played.guest.node.zones[:2])


def _add_boot_memory(
    table: FactTable, snapshots: tuple[Json, Json], played: Played, *, taken: int, kernel: str
) -> None:
    """Adds what memmaps took from boot memory, or gave back to it."""
    before, after = (
        sum(snapshot["zones"][name]["free"] for name in ("DMA", "DMA32")) for snapshot in snapshots
    )
    why = "what per-CPU lists may hold, freed memmaps among it"
    slack = per_cpu_pages(kernel, played, ZoneId.DMA32)
    table.within("pages taken from boot memory", (before - after, taken), slack, why=why)


def per_cpu_pages(kernel: str, played: Played, zone: ZoneId) -> int:
    """Returns how many pages the per-CPU lists of a zone may hold.

    Up to 5.13 six batches for each of two processors; since then as many as the zone's low mark, pageblocks among them.
    """
    if kernel == "5.10":
        return _OLD_PER_CPU_PAGES
    return played.guest.node.zones[zone].watermarks.low
