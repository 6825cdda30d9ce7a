"""When the driver tries again after it could not take everything, and what it tries then.

The pages were recorded after the first pass; before it, what went is taken to have been free.
"""

from functools import partial

from app.guest.guest import Guest
from tests.kernel_facts import wording
from tests.kernel_facts.facts import FactTable, Row
from tests.kernel_facts.playing import Played
from tests.kernel_facts.recordings import Scenario, requests_of, scenario
from tests.kernel_facts.snapshot_guest import free_kinds, load_guest, pageblocks_of, pin_every
from tests.kernel_facts.starting import zones_of

NAME = "retry"
_US = 1_000_000


def rows(kernel: str) -> list[Row]:
    """Returns the facts of the scenario."""
    facts = scenario(kernel, NAME)
    table = FactTable(kernel, NAME)
    number, step = next((n, s) for n, s in facts.find("resize", requested=0))
    _, hog = next(facts.find("hog"))
    played = Played(_before_first_pass(facts, hog["options"]["every"]))
    table.at(number)
    done = played.resize(0)
    table.exact("size reached", step["size"], done.size, show=wording.mib)
    table.exact("requests", requests_of(step), done.requests, show=wording.requests)
    _add_retries(table, facts, played, len(done.calls))
    return table.rows


def _before_first_pass(facts: Scenario, every: int) -> Guest:
    _, step = next(facts.find("resize", requested=0))
    setting, after = facts.settings[0], step["after"]
    pageblocks = pageblocks_of(after)
    pin_every(pageblocks, every)
    free_kinds(pageblocks, "offline")
    zones = zones_of(facts.kernel, setting, after, pageblocks)
    guest = load_guest(setting, after | {"zones": zones}, pageblocks)
    guest.node.recompute_watermarks()
    return guest


def _add_retries(table: FactTable, facts: Scenario, played: Played, first_calls: int) -> None:
    """Adds the bursts of calls: how many each, and how long after the one before."""
    number, note = list(facts.find("note"))[-1]
    table.at(number)
    bursts = [count for _, _, count in note["alloc_contig_range_bursts"]]
    table.exact("alloc_contig_range calls of the first pass", bursts[0], first_calls)
    for retry, (gap, count) in enumerate(zip(note["gaps_between_bursts"], bursts[1:], strict=True), start=1):
        if retry == len(bursts) - 1:
            end_workload(played.guest)
        seconds = played.driver.armed_ms / 1000
        done = played.watch(partial(played.guest.advance, int(seconds * _US)))
        table.exact(f"seconds until retry {retry}", gap, seconds)
        table.exact(f"alloc_contig_range calls of retry {retry}", count, len(done.calls))
    table.exact("size after the pins are gone", note["size"], played.device.plugged_size, show=wording.mib)


def end_workload(guest: Guest) -> None:
    """Frees what the workload held, pins and all."""
    for allocation in tuple(guest.pages.allocations):
        guest.pages.free(allocation.id)
