"""Capturing a machine of one tebibyte: what capture.py holds in memory at most, and how long it takes."""

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from app.guest.warm_up import warm_up
from app.units import GIB, KIB, MIB, format_size
from tests.bench.subject import Effort
from tests.bench.table import Row, at_most
from tests.bench.trees import used_guest, write_tree

_CAPTURE = Path(__file__).resolve().parents[2] / "clients" / "capture.py"
_PATTERN_SIZE = 4 * GIB
_NR_COPIES = 256
_POLL_S = 0.02


def measure(effort: Effort) -> Iterable[Row]:
    """Yields the capture's largest resident memory, and its processor time; one round, it takes a while."""
    warm_up(lambda _done, _of, _where: None)
    nr_copies = _NR_COPIES // effort.divisor**2 or 1
    what = f"machine of {format_size(_PATTERN_SIZE * nr_copies)}, in use"
    with TemporaryDirectory() as folder:
        root, file = Path(folder) / "root", Path(folder) / "machine.vmem"
        write_tree(root, used_guest(_PATTERN_SIZE, "busy"), nr_copies=nr_copies)
        start = time.perf_counter()
        largest = _largest_resident(
            [sys.executable, str(_CAPTURE), "--quiet", "--root", str(root), "-o", str(file)]
        )
        elapsed = time.perf_counter() - start
        note = f"{elapsed:.0f} s, most of it unpacking the copied files; {file.stat().st_size / MIB:.0f} MiB written"
        yield Row("capture", f"{what}: memory", "MiB", [largest / MIB], at_most(200), note)


def _largest_resident(command: list[str]) -> int:
    """Runs the command and returns the most bytes that it had resident.

    Asked of /proc while it runs: what wait4() tells counts the process that started it, too.
    """
    process = subprocess.Popen(command)
    status = Path(f"/proc/{process.pid}/status")
    largest = 0
    while process.poll() is None:
        lines = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        if lines:
            largest = int(lines[0].split()[1]) * KIB
        time.sleep(_POLL_S)
    assert process.returncode == 0
    return largest
