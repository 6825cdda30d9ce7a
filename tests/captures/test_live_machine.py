"""The machine that runs the tests, captured and loaded: it moves meanwhile, and still becomes a sound guest."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.guest.capture.decoder import decode_capture
from app.guest.capture.loader import load_capture
from app.guest.capture.plan import CaptureOptions
from app.trace.sink import RingSink

PROGRAM = Path(__file__).parents[2] / "clients" / "capture.py"
LARGEST_BYTES = 64 << 30
# What a machine may move between the reading of two files, of its free pages.
LARGEST_DRIFT = 0.25


def physical_memory() -> int:
    """Returns the bytes of RAM of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


pytestmark = [
    pytest.mark.skipif(
        not os.access("/proc/kpageflags", os.R_OK) or os.geteuid() != 0, reason="only root reads page flags"
    ),
    pytest.mark.skipif(physical_memory() > LARGEST_BYTES, reason="a large machine takes too long for a test"),
]


def test_live_machine_becomes_a_sound_guest(tmp_path: Path) -> None:
    """Every law holds, zones manage what zoneinfo says, and what an unplug leaves has its reasons."""
    path = tmp_path / "live.vmem"
    subprocess.run([sys.executable, PROGRAM, "-o", path], check=True, capture_output=True)
    with path.open("rb") as file:
        machine = decode_capture(file)
    guest, report = load_capture(machine, CaptureOptions(name="live"), sink=RingSink(1000))
    assert guest.verify() == []
    zones = report["zones"]
    assert isinstance(zones, list)
    for row in zones:
        managed, free = row["managed_pages"], row["free_pages"]
        # Whole pageblocks are what can be told of memory that is not managed yet.
        slack = guest.geometry.pageblock_nr_pages + managed["captured"] // 1000
        assert abs(managed["captured"] - managed["loaded"]) <= slack
        assert abs(free["captured"] - free["loaded"]) <= LARGEST_DRIFT * managed["captured"]
        assert "captured_after" in row["buddyinfo"]
    devices = report["devices"]
    assert isinstance(devices, list)
    for device in devices:
        answer = guest.resize(device["id"], 0)
        assert (answer["state"] == "done") == (answer["size"] == 0)
        assert answer["state"] == "done" or answer["obstacles"]
    assert guest.verify() == []
