"""Devices with blocks above a memory block: what sub-block mode decides of them; the rest is big block mode's."""

from app.mm.policies.quantities import Mode
from tests.kernel_facts import wording
from tests.kernel_facts.facts import FactTable, Row
from tests.kernel_facts.geometry import NO_BIG_BLOCKS, computed
from tests.kernel_facts.recordings import requests_of, scenario

NAME = "bbm"


def rows(kernel: str) -> list[Row]:
    """Returns the facts of the scenario; a kernel without big block mode has none."""
    facts = scenario(kernel, NAME)
    table = FactTable(kernel, NAME)
    for guest, setting in enumerate(facts.settings):
        table.at(guest, "guest")
        table.exact("mode", Mode.BIG_BLOCK, computed(setting).mode)
    for number, step in facts.find("resize"):
        table.at(number, f"{step.get('policy', '')} {step.get('params', '')}".strip())
        table.later("requests", wording.requests(requests_of(step)), NO_BIG_BLOCKS)
        if "alloc_contig_range" in step:
            sums = step["alloc_contig_range"]["summary"]
            text = ", ".join(f"{name}: {count}" for name, count in sums.items()) or "none"
            table.later("alloc_contig_range results", text, NO_BIG_BLOCKS)
    return table.rows
