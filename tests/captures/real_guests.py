"""The recorded guests: what was captured, what their unplug then did, and how a loaded one is looked at.

tests/data/captures/README.md and recordings/README.md say where they come from.
"""

import json
import lzma
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.guest.capture.decoder import decode_capture
from app.guest.capture.loader import load_capture
from app.guest.capture.machine import CapturedMachine
from app.guest.capture.plan import CaptureOptions
from app.guest.guest import Guest
from app.trace.events import ContigAttempted
from app.trace.sink import RingSink
from app.virtio_mem.device import Device
from tests.guest.capture_files import REAL_CAPTURES

DEVICE_BLOCK_SIZE = 2 << 20
_RECORDINGS = Path(__file__).parent / "recordings"
MORE_NAMES = tuple(sorted(path.stem for path in _RECORDINGS.glob("*.vmem")))
_RESULTS = {"0": 0, "EBUSY": -16, "ENOMEM": -12}


def _path(name: str) -> Path:
    return next(folder / name for folder in (REAL_CAPTURES, _RECORDINGS) if (folder / name).exists())


@cache
def read_machine(name: str) -> CapturedMachine:
    """Returns the machine that was captured."""
    with _path(f"{name}.vmem").open("rb") as file:
        return decode_capture(file)


@cache
def read_outcome(name: str) -> dict[str, Any]:
    """Returns what the unplug that followed the capture really did."""
    text = lzma.decompress(_path(f"{name}.outcome.json.xz").read_bytes())
    outcome: dict[str, Any] = json.loads(text)
    return outcome


class LoadedGuest:
    """A guest loaded of a recorded one, with the eyes that comparisons need."""

    def __init__(self, name: str, fallback: Sequence[str] | None, policy: str | None = None) -> None:
        """Loads it with these fallback levels, under this policy: None for those of the captured kernel."""
        self.sink = RingSink(1 << 16)
        levels = None if fallback is None else tuple(fallback)
        options = CaptureOptions(name="recorded", fallback=levels, policy=policy)
        self.guest, self.report = load_capture(read_machine(name), options, sink=self.sink)

    @property
    def device(self) -> Device:
        """The guest's only device."""
        return device_of(self.guest)

    def plugged_blocks(self) -> NDArray[np.bool_]:
        """Returns for every device block whether it is plugged."""
        return blocks_of([start, end - start] for start, end in self.device.plugged_runs())

    def contig_calls(self) -> list[tuple[int, int, int]]:
        """Returns first pageblock of the region, pageblocks, and result of each alloc_contig_range() call."""
        size = self.guest.geometry.pageblock_nr_pages
        first_pfn = self.device.region.addr // self.guest.geometry.page_size
        return [
            (
                (event.start_pfn - first_pfn) // size,
                (event.end_pfn - event.start_pfn) // size,
                _RESULTS[event.result],
            )
            for event in self.sink.events
            if isinstance(event, ContigAttempted)
        ]


def device_of(guest: Guest) -> Device:
    """Returns the guest's device vm0."""
    return guest._devices.get("vm0").device  # noqa: SLF001 - what the guest keeps is what tests look at


def blocks_of(runs: Iterable[Sequence[int]]) -> NDArray[np.bool_]:
    """Expands [first device block, how many] to a bit for each device block of a 4 GiB region."""
    blocks = np.zeros((4 << 30) // DEVICE_BLOCK_SIZE, np.bool_)
    for first, count in runs:
        blocks[first : first + count] = True
    return blocks


def recorded_calls(outcome: dict[str, Any]) -> Iterator[tuple[int, int, int]]:
    """Yields the recorded alloc_contig_range() calls one by one, as LoadedGuest.contig_calls() tells them."""
    for first, count, result, times in outcome["alloc_contig_range"]["calls"]:
        for _ in range(times):
            yield (first, count, result)
