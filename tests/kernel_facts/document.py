"""docs/kernel-facts.md: all facts as Markdown, with the share that agrees in the head line."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from tests.kernel_facts.facts import Row, Verdict

PATH = Path(__file__).resolve().parents[2] / "docs" / "kernel-facts.md"
_HEAD = "# Kernel facts: {agreed} of {compared} agree ({share:.1f} %)"
_ABOUT = """\
What real Linux 5.10 and 6.1 guests did under QEMU's virtio-mem device, and what simulated guests do in their place.
`make facts` writes this file; `tests/kernel_facts` holds the recordings and says how each guest is built, and a test
keeps file and code together.

* `yes`: equal. `within`: equal but for the slack that the last column states, with its reason.
* `NO`: not equal; the last column says why nothing recorded could have told it.
* `later`: nothing to compare yet."""


def describe(rows: Sequence[Row]) -> str:
    """Returns the whole document."""
    compared = [row for row in rows if row.verdict is not Verdict.LATER]
    agreed = sum(row.is_agreed for row in compared)
    head = _HEAD.format(agreed=agreed, compared=len(compared), share=100 * agreed / len(compared))
    return "\n".join([head, "", _ABOUT, "", *_overview(rows), *_tables(rows)]) + "\n"


def _overview(rows: Sequence[Row]) -> Iterator[str]:
    yield "| kernel | scenario | yes | within | NO | later |"
    yield "|---|---|--:|--:|--:|--:|"
    for (kernel, scenario), group in groupby(rows, key=_scenario):
        verdicts = [row.verdict for row in group]
        counts = " | ".join(str(verdicts.count(verdict)) for verdict in Verdict)
        yield f"| {kernel} | {scenario} | {counts} |"


def _tables(rows: Sequence[Row]) -> Iterator[str]:
    for (kernel, scenario), group in groupby(rows, key=_scenario):
        yield f"\n## {kernel}, {scenario}\n"
        yield "| step | fact | real | simulated | agrees | slack or reason |"
        yield "|---|---|---|---|---|---|"
        for row in group:
            step = row.place.split(" ", 2)[2:] or [""]
            cells = (step[0], row.what, row.real, row.simulated, str(row.verdict), row.reason or row.note)
            yield "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def read_ids(text: str) -> list[str]:
    """Returns the ids of the rows of a document, without what they say."""
    ids: list[str] = []
    place = ""
    for line in text.splitlines():
        if line.startswith("## "):
            place = line.removeprefix("## ").replace(",", "")
        elif place and line.startswith("| ") and not line.startswith("| step |"):
            step, fact, *_ = line.removeprefix("| ").split(" | ")
            ids.append(f"{f'{place} {step}'.strip()}: {fact}")
    return ids


def _scenario(row: Row) -> tuple[str, str]:
    kernel, scenario, *_ = row.place.split(" ")
    return kernel, scenario
