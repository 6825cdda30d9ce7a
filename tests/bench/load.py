"""Loading a capture of a machine of 24 GiB: from the file's bytes to a guest that can be resized."""

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from app.guest.capture.decoder import decode_capture
from app.guest.capture.loader import load_capture
from app.guest.capture.plan import CaptureOptions
from app.guest.warm_up import warm_up
from app.trace.sink import RingSink
from app.units import GIB, MIB, format_size
from tests.bench.subject import Effort
from tests.bench.table import Row, at_most
from tests.bench.trees import used_guest, write_tree

_CAPTURE = Path(__file__).resolve().parents[2] / "clients" / "capture.py"
_RING_CAPACITY = 4096


def measure(effort: Effort) -> Iterable[Row]:
    """Yields seconds of processor time."""
    warm_up(lambda _done, _of, _where: None)
    size = 24 * GIB // effort.divisor
    with TemporaryDirectory() as folder:
        root, file = Path(folder) / "root", Path(folder) / "machine.vmem"
        write_tree(root, used_guest(size, "fragmented"))
        subprocess.run([sys.executable, _CAPTURE, "--quiet", "--root", root, "-o", file], check=True)
        loads = [_load(file) for _ in range(effort.rounds)]
        seconds = [second for second, _ in loads]
        note = f"{loads[0][1]} runs in {file.stat().st_size / MIB:.1f} MiB"
        yield Row("load", f"capture of {format_size(size)}, fragmented", "s", seconds, at_most(3), note)


def _load(file: Path) -> tuple[float, int]:
    """Returns the seconds that a load took, and how many runs of pages the capture has."""
    start = time.thread_time()
    with file.open("rb") as stream:
        machine = decode_capture(stream)
    guest, _ = load_capture(machine, CaptureOptions(name="loaded"), sink=RingSink(_RING_CAPACITY))
    elapsed = time.thread_time() - start
    assert guest.nr_pages >= machine.nr_pages
    return elapsed, machine.run_start.size
