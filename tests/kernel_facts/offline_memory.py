"""Memory that nobody onlines: where the driver stops adding, and how it goes on once blocks are onlined by hand."""

from app.mm.memory_block import MemoryBlockState
from tests.kernel_facts import steps, wording
from tests.kernel_facts.facts import FactTable, Row
from tests.kernel_facts.playing import Played
from tests.kernel_facts.recordings import Request, has_scenario, scenario
from tests.kernel_facts.starting import booted

BY_HAND = "idle_offline"
NO_POLICY = "no_online_policy"


def rows(kernel: str) -> list[Row]:
    """Returns the facts of the two scenarios, as far as the kernel has them."""
    return [
        row for name in (BY_HAND, NO_POLICY) if has_scenario(kernel, name) for row in _scenario(kernel, name)
    ]


def _scenario(kernel: str, name: str) -> list[Row]:
    facts = scenario(kernel, name)
    table = FactTable(kernel, name)
    played = booted(kernel, facts.settings[0])
    earlier: list[Request] = []
    for number, step in enumerate(facts.steps):
        table.at(number)
        if step["step"] == "resize":
            done = played.resize(step["requested"])
            # The recorder took requests between two steps for the later one's.
            done = done._replace(requests=earlier + done.requests)
            steps.add_resize(table, step, done)
            steps.add_memory(table, step["after"], played)
        elif step.get("what") == "onlined by hand":
            earlier = played.watch(lambda: _online_by_hand(played)).requests
            steps.add_memory_blocks(table, step["blocks"], played)
        elif step["step"] == "wait":
            table.exact("size reached", step["size"], played.device.plugged_size, show=wording.mib)
            steps.add_memory(table, step["after"], played)
    return table.rows


def _online_by_hand(played: Played) -> None:
    """Onlines all blocks that are offline now; the driver works whenever that makes it."""
    blocks = played.guest.node.memory_blocks
    offline = [i for i in blocks.present_ids() if blocks.state(i) is MemoryBlockState.OFFLINE]
    for index in offline:
        played.guest.blocks.set_state(index, "online_movable")
        played.guest.settle()
