"""One pinned page in every K-th pageblock: what can be taken back, in which calls, and in which order.

Each unplug is done by a guest of the pages recorded right before it.
"""

from app.guest.capture.proc_text import ZoneKey, parse_pagetypeinfo
from tests.kernel_facts import steps
from tests.kernel_facts.facts import FactTable, Row
from tests.kernel_facts.playing import PAGEBLOCK, Played
from tests.kernel_facts.recordings import Json, Scenario, has_scenario, scenario
from tests.kernel_facts.snapshot_guest import Pageblocks, pageblocks_of, pin_every
from tests.kernel_facts.starting import loaded_after_workload, loaded_before

NAMES = ("pin_kernel", "pin_movable")
_TYPES = ("Unmovable", "Movable", "Reclaimable")
# Entries of smaller orders come and go with the per-CPU lists.
_STEADY_ORDER = 6


def rows(kernel: str) -> list[Row]:
    """Returns the facts of both scenarios."""
    return [row for name in NAMES if has_scenario(kernel, name) for row in _scenario(scenario(kernel, name))]


def _scenario(facts: Scenario) -> list[Row]:
    table = FactTable(facts.kernel, facts.name)
    hog: Json = {}
    for number, step in enumerate(facts.steps):
        table.at(number)
        if step["step"] == "hog":
            hog = step
        elif step["step"] == "note" and "snapshot" in step:
            add_pins(table, step["snapshot"], hog)
        elif step["step"] == "resize" and "alloc_contig_range" in step:
            _add_unplug(table, facts, number, hog)
        elif step["step"] == "resize" and number > 1:
            _add_resize(table, facts, number)
    return table.rows


def add_pins(table: FactTable, snapshot: Json, hog: Json) -> None:
    """Adds that the pins are where they are taken to be: as many as the workload says it placed."""
    found = pin_every(pageblocks_of(snapshot), hog["options"]["every"])
    table.exact("pageblocks with a pin", hog["answer"]["pageblocks"], found)


def _add_unplug(table: FactTable, facts: Scenario, number: int, hog: Json) -> None:
    step = facts.steps[number]
    played = loaded_before(facts, number, every=hog["options"]["every"])
    _add_types_before(table, facts.snapshot_before(number), played)
    done = played.resize(step["requested"])
    steps.add_resize(table, step, done)
    steps.add_calls(table, step, done)
    steps.add_memory(table, step["after"], played)
    steps.add_watermarks(table, step["after"], played)
    _add_free_lists(table, facts, number, played)


def _add_resize(table: FactTable, facts: Scenario, number: int) -> None:
    """Adds a resize after the workload ended, or the plug that follows."""
    step = facts.steps[number]
    played = loaded_after_workload(facts, number)
    act = played.resize if step["requested"] else played.ask_again
    steps.add_resize(table, step, act(step["requested"]))
    if "after" in step:
        steps.add_memory(table, step["after"], played)


# -------------------------------------------------------------------------------------- free lists


def _add_free_lists(table: FactTable, facts: Scenario, number: int, played: Played) -> None:
    """Adds free entries and pageblock types of the device's zone."""
    before, after = facts.snapshot_before(number), facts.steps[number]["after"]
    name = "Normal" if "Normal" in after["zones"] else "Movable"
    zone = next(zone for zone in played.guest.node.zones if zone.name == name)
    mixed = _mixed(pageblocks_of(before)) + _mixed(pageblocks_of(after))
    for order in range(_STEADY_ORDER, len(after["buddyinfo"][name])):
        table.within(
            f"free entries of order {order}",
            (after["buddyinfo"][name][order], int(played.guest.node.nr_free[zone.index][order])),
            mixed,
            why="pageblocks in which more lies than a pin; where in them, the map does not say",
        )
    slack = steps.pages_in_use(pageblocks_of(before))
    why = "pages in use before: on per-CPU lists, which fill again, or the kernel's, which it may free"
    free = sum(count << order for order, count in enumerate(after["buddyinfo"][name]))
    table.within("free pages of the zone", (free, zone.nr_free), slack, why=why)
    _add_types(table, name, (before, after), played)
    if name == "Normal":
        for boot_zone in played.guest.node.zones[:2]:
            counts = [int(count) for count in played.guest.node.nr_free[boot_zone.index]]
            what = f"buddyinfo of zone {boot_zone.name}: nothing migrates there"
            table.exact(what, after["buddyinfo"][boot_zone.name], counts)


def _mixed(pageblocks: Pageblocks) -> int:
    """Counts the pageblocks that hold something else than free pages and one page in use."""
    full = ({"offline"}, {"nopage"}, {"buddy"})
    return sum(
        1
        for kinds in pageblocks
        if set(kinds) not in full and kinds.get("buddy", 0) not in (0, PAGEBLOCK - 1)
    )


def _add_types_before(table: FactTable, snapshot: Json, played: Played) -> None:
    """Adds that the loaded guest begins with as many pageblocks of each type in the device's zone."""
    name = "Normal" if "Normal" in snapshot["zones"] else "Movable"
    recorded = {kind: snapshot["pagetypeinfo"]["blocks"][name][kind] for kind in _TYPES}
    counts = _types_of(name, played)
    table.exact("pageblocks by type before", recorded, {kind: counts[kind] for kind in _TYPES})


def _types_of(name: str, played: Played) -> dict[str, int]:
    return parse_pagetypeinfo(played.guest.proc("pagetypeinfo")).blocks[ZoneKey(0, name)]


def _add_types(table: FactTable, name: str, snapshots: tuple[Json, Json], played: Played) -> None:
    """Adds how many pageblocks of each type there are; an unplug turns those that it takes into movable ones."""
    before, after = (snapshot["pagetypeinfo"]["blocks"][name] for snapshot in snapshots)
    counts = _types_of(name, played)
    kernel = before["Unmovable"] + before["Reclaimable"]
    for kind in _TYPES:
        table.within(
            f"pageblocks of type {kind}",
            (after[kind], counts[kind]),
            kernel if name == "Normal" else 0,
            why="kernel types before; which pageblocks have them, no file says",
        )
