"""The recordings: what real Linux 5.10 and 6.1 guests did, scenario by scenario, step by step.

recordings/README.md says where they come from and what a step holds.
Left out: what is made of them.
"""

import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recordings"
KERNELS = tuple(
    sorted(
        (path.name.removesuffix(".json.xz") for path in FOLDER.glob("*.json.xz")),
        key=lambda name: [int(part) for part in name.split(".")],
    )
)

Json = dict[str, Any]
# First device block, how many blocks, op and answer of one request.
Request = tuple[str, int, int, int]
# First pageblock of the region, how many, result.
Call = tuple[int, int, int]


@dataclass(frozen=True)
class Setting:
    """The guest that ran: sizes in bytes, the kernel's release, what it does with added memory."""

    release: str
    cmdline: str
    boot_bytes: int
    device_bytes: int
    memaddr: int
    device_block_size: int
    memory_block_size: int

    @property
    def online(self) -> str:
        """The memhp_default_state of its command line; without one, what Debian's kernels of the time do."""
        words = dict(word.partition("=")[::2] for word in self.cmdline.split())
        return words.get("memhp_default_state", "offline")


class Scenario:
    """One scenario of one kernel."""

    def __init__(self, kernel: str, name: str, content: Json) -> None:
        """Takes what was recorded."""
        self.kernel = kernel
        self.name = name
        self.settings = tuple(Setting(**guest) for guest in content["guests"])
        self.steps: list[Json] = content["steps"]

    def find(self, step: str, **members: object) -> Iterator[tuple[int, Json]]:
        """Yields number and content of each step of that kind whose members are as told."""
        for number, content in enumerate(self.steps):
            if content["step"] == step and all(content.get(key) == value for key, value in members.items()):
                yield number, content

    def snapshot_before(self, number: int) -> Json:
        """Returns the last snapshot that was taken before step `number`."""
        return next(found for step in self.steps[number - 1 :: -1] if (found := snapshot_of(step)))


def snapshot_of(step: Json) -> Json | None:
    """Returns the snapshot that a step ends with, if it has one."""
    found: Json | None = step.get("after") or step.get("snapshot")
    return found


@cache
def _read(kernel: str) -> Json:
    content: Json = json.loads(lzma.decompress((FOLDER / f"{kernel}.json.xz").read_bytes()))
    return content


def scenario(kernel: str, name: str) -> Scenario:
    """Returns a scenario of a kernel."""
    return Scenario(kernel, name, _read(kernel)[name])


def has_scenario(kernel: str, name: str) -> bool:
    """Whether that kernel's recording has the scenario."""
    return name in _read(kernel)


def requests_of(step: Json) -> list[Request]:
    """Returns the requests of a step one by one, in order."""
    return [
        (row["op"], row["first"] + index * row["stride"], row["blocks"], row["resp"])
        for row in step["requests"]
        for index in range(row["count"])
    ]


def calls_of(record: Json) -> list[Call]:
    """Returns the alloc_contig_range() calls of a record one by one: the first ones, which it holds singly."""
    return [
        (int(first), int(count), int(result))
        for first, count, result, times in record["first_calls"]
        for _ in range(int(times))
    ]
