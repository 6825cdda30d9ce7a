"""Movable memory in ZONE_MOVABLE, with room for it in boot memory, and with too little."""

from app.mm.watermark import MinFree
from app.mm.zone import ZoneId
from tests.kernel_facts import steps
from tests.kernel_facts.facts import FactTable, Row
from tests.kernel_facts.idle import per_cpu_pages
from tests.kernel_facts.playing import Done, Played
from tests.kernel_facts.recordings import Json, Scenario, scenario
from tests.kernel_facts.snapshot_guest import pageblocks_of
from tests.kernel_facts.starting import loaded_after_workload, loaded_before

ROOMY = "fill_movable"
CROWDED = "fill_too_little_room"
# What the recorder wrote for the time of the unplug: 128 MiB.
_RAISED_MIN_FREE_KBYTES = 128 << 10
_MOVABLE = ("anon", "file", "mlocked", "thp")
_PAGE = 4096


def rows(kernel: str) -> list[Row]:
    """Returns the facts of both scenarios."""
    return [*_scenario(scenario(kernel, ROOMY)), *_scenario(scenario(kernel, CROWDED))]


def _scenario(facts: Scenario) -> list[Row]:
    table = FactTable(facts.kernel, facts.name)
    played: Played | None = None
    for number, step in facts.find("resize"):
        table.at(number, step.get("kind", ""))
        if "alloc_contig_range" in step:
            played = _unplug(table, facts, number)
        elif played is not None:
            played = _resize(table, facts, number, played)
    return table.rows


def _unplug(table: FactTable, facts: Scenario, number: int) -> Played:
    step = facts.steps[number]
    played = loaded_before(facts, number)
    if facts.name == CROWDED:
        played.guest.node.min_free = MinFree(user_kbytes=_RAISED_MIN_FREE_KBYTES)
        played.guest.node.recompute_watermarks()
    done = played.resize(step["requested"])
    steps.add_resize(table, step, done)
    steps.add_calls(table, step, done)
    steps.add_memory(table, step["after"], played)
    if facts.name == ROOMY:
        steps.add_watermarks(table, step["after"], played)
        _add_migrated(table, facts, number, played, done)
    return played


def _resize(table: FactTable, facts: Scenario, number: int, played: Played) -> Played:
    """Takes the rest once the workload has ended, and plugs again."""
    step = facts.steps[number]
    if played.device.plugged_size:
        played = loaded_after_workload(facts, number)
    act = played.resize if step["requested"] else played.ask_again
    steps.add_resize(table, step, act(step["requested"]))
    return played


def _add_migrated(table: FactTable, facts: Scenario, number: int, played: Played, done: Done) -> None:
    """Adds how many pages were migrated; those of small processes may be gone by then, or move twice."""
    before, after = facts.snapshot_before(number), facts.steps[number]["after"]
    real = after["vmstat"]["pgmigrate_success"] - before["vmstat"]["pgmigrate_success"]
    others = _movable_pages(before) - _workload_bytes(facts, number) // _PAGE
    why = "movable pages of other processes than the workload"
    table.within("pages migrated", (real, done.migrated_pages), others, why=why)
    slack = others + per_cpu_pages(facts.kernel, played, ZoneId.DMA32)
    why = f"{why}, and what per-CPU lists may hold, freed memmaps among it"
    free = played.guest.node.zones[ZoneId.DMA32].nr_free
    table.within("free pages of zone DMA32", (after["zones"]["DMA32"]["free"], free), slack, why=why)


def _movable_pages(snapshot: Json) -> int:
    return sum(kinds.get(name, 0) for kinds in pageblocks_of(snapshot) for name in _MOVABLE)


def _workload_bytes(facts: Scenario, number: int) -> int:
    for step in facts.steps[number - 1 :: -1]:
        if step["step"] == "hog":
            return int(step["answer"]["bytes"])
        if "bytes" in step:
            return int(step["bytes"])
    return 0
