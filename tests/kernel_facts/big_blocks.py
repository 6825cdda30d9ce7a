"""Devices with blocks above a memory block: big blocks with a pinned page stay, and the others go.

Told not to take the pages of a big block first, the real driver hangs in the first one that has a pin; the simulated
one gives up after some rounds, waits for its retry timer, and is done at the retry after the pin has gone.
"""

from functools import partial

from app.guest.creation import create_guest
from app.mm.policies.quantities import Mode
from tests.kernel_facts import steps
from tests.kernel_facts.facts import FactTable, Row
from tests.kernel_facts.geometry import computed, parameters_of, spec_of
from tests.kernel_facts.pinned import add_pins
from tests.kernel_facts.playing import Played
from tests.kernel_facts.recordings import Json, Scenario, scenario
from tests.kernel_facts.retries import end_workload
from tests.kernel_facts.starting import loaded_after_workload, loaded_before

NAME = "bbm"
_US_PER_MS = 1000


def rows(kernel: str) -> list[Row]:
    """Returns the facts of the scenario; a kernel without big block mode has none."""
    facts = scenario(kernel, NAME)
    table = FactTable(kernel, NAME)
    for guest, setting in enumerate(facts.settings):
        table.at(guest, "guest")
        table.exact("mode", Mode.BIG_BLOCK, computed(setting).mode)
    guest = -1
    stuck: Played | None = None
    for number, step in enumerate(facts.steps):
        guest += "policy" in step and step.get("requested", 0) > 0
        table.at(number, f"{step.get('policy', '')} {step.get('params', '')}".strip())
        if step["step"] == "note" and "snapshot" in step:
            add_pins(table, step["snapshot"], facts.steps[number - 1])
        elif step["step"] == "resize" and step["requested"]:
            _add_plug(table, facts, step, guest)
        elif step["step"] == "resize" and "alloc_contig_range" in step:
            played = _add_unplug(table, facts, number, guest)
            stuck = played if step["params"] else None
        elif step["step"] == "resize":
            _add_rest(table, facts, number, guest=guest, stuck=stuck)
    return table.rows


def _add_plug(table: FactTable, facts: Scenario, step: Json, guest: int) -> None:
    parameters = parameters_of(step["params"])
    played = Played(create_guest(spec_of(facts.settings[guest], parameters)))
    steps.add_resize(table, step, played.resize(step["requested"]))
    steps.add_memory_blocks(table, step["after"]["memory_blocks"], played)


def _add_unplug(table: FactTable, facts: Scenario, number: int, guest: int) -> Played:
    """Adds an unplug with pins in the way; returns the guest after it."""
    step = facts.steps[number]
    hog = facts.steps[number - 2]
    played = loaded_before(facts, number, every=hog["options"]["every"], guest=guest)
    played.driver.set_parameters(parameters_of(step["params"]))
    done = played.resize(step["requested"])
    steps.add_resize(table, step, done)
    steps.add_calls(table, step, done)
    if not step["params"]:
        steps.add_memory(table, step["after"], played)
    return played


def _add_rest(table: FactTable, facts: Scenario, number: int, *, guest: int, stuck: Played | None) -> None:
    """Adds what goes once the workload has ended; stuck: a guest whose driver still tries."""
    step = facts.steps[number]
    if stuck is None:
        played = loaded_after_workload(facts, number, guest=guest)
        done = played.ask_again(step["requested"])
    else:
        played = stuck
        end_workload(played.guest)
        retry = played.watch(partial(played.guest.advance, played.driver.armed_ms * _US_PER_MS))
        done = played.ask_again(step["requested"])
        done = done._replace(requests=retry.requests + done.requests, sizes=retry.sizes + done.sizes)
    steps.add_resize(table, step, done)
    steps.add_memory(table, step["after"], played)
