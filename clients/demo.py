"""The main job in a minute: a captured guest, its map, and memory taken back step by step.

    capture ──▶ service on a free port ──▶ guest ──▶ map ──▶ unplug, four times ──▶ table

Takes this machine's own memory if it may read it (root, /proc/kpageflags), else a real guest that the project
ships. Everything runs here, on loopback, and is gone at the end. `python -m clients.demo [FILE]`; `make demo`.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from clients import capture
from clients.client import Client
from clients.errors import ClientError
from clients.models import Device, Guest, Outcome
from clients.sizes import format_size, round_size
from clients.specs import ImportSpec, Upload
from clients.vmemctl.memory_map import draw_map
from clients.vmemctl.obstacles import reason_of
from clients.vmemctl.session import make_console

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "tests" / "data" / "captures" / "6.1-mixed-zero.vmem"
NAME = "demo"
STEPS = 4
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 10.0
_CHUNK = 1 << 20
_LEVELS = ("memory_block", "chunk", "pageblock")


class DemoFailed(Exception):
    """The service did not come up."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo; returns the exit status. An argument names a capture to use instead."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    console = make_console()
    try:
        with tempfile.TemporaryDirectory(prefix="vmemsim-demo-") as folder:
            path = Path(given[0]) if given else choose_capture(console, Path(folder))
            with serving(console, Path(folder)) as url, Client(url) as client:
                show(console, client, path)
    except (DemoFailed, ClientError, OSError) as error:
        console.print(f"The demo failed: {error}")
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted; the service is stopped.")
        return 130
    return 0


def choose_capture(console: Console, folder: Path, options: Sequence[str] = ()) -> Path:
    """Captures this machine into `folder` if that is possible, else returns the capture that is shipped.

    options: further ones of capture.py.
    """
    path = folder / "host.vmem"
    console.print("1. Capture: this machine's /proc/kpageflags, if it may be read ...")
    if capture.main(["-q", "-o", str(path), *options]) == 0:
        console.print(
            f"   this machine, {round_size(path.stat().st_size)} of page flags; never page contents"
        )
        return path
    console.print(f"   not here; the demo takes {SHIPPED.name}, a real Linux 6.1 guest of QEMU")
    return SHIPPED


@contextmanager
def serving(console: Console, folder: Path) -> Iterator[str]:
    """Starts the service on a free port, yields its URL once it is ready, and stops it by its process."""
    console.print("2. Service: vmemsim serve --port 0 ...")
    announcement = folder / "announce.json"
    command = [sys.executable, "-m", "app", "serve", "--port", "0", "--announce", str(announcement)]
    log = (folder / "service.log").open("wb")
    with log, subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT) as process:
        try:
            url = _await_url(process, announcement)
            console.print(f"   ready at {url}")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
            console.print("   the service is stopped")


def _await_url(process: "subprocess.Popen[bytes]", announcement: Path) -> str:
    """Returns the address that the service announces once it is ready: the first start compiles its kernels."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if announcement.exists():
            return str(json.loads(announcement.read_bytes())["url"])
        if process.poll() is not None:
            raise DemoFailed(f"the service ended with status {process.returncode} before it was ready")
        time.sleep(0.05)
    raise DemoFailed(f"the service was not ready within {START_TIMEOUT_S:g} s")


def show(console: Console, client: Client, path: Path) -> None:
    """Makes a guest of the capture, shows it, and takes its memory back."""
    console.print(f"3. Guest: vmemctl create {NAME} --from {path.name}")
    with path.open("rb") as stream:
        chunks = iter(lambda: stream.read(_CHUNK), b"")
        made = client.import_guest(
            Upload(chunks, path.stat().st_size), ImportSpec(name=NAME, fallback=_LEVELS)
        )
    guest = made.guest
    console.print(
        f"   {guest.source} of Linux {made.load_report.get('kernel_release')}, policy {guest.policy}, "
        f"{round_size(guest.memory.total)}, {round_size(guest.memory.free)} free"
    )
    console.print(f"4. Map: vmemctl map {NAME}")
    console.print(draw_map(client.pageblocks(NAME), most_rows=16))
    device = largest_device(guest)
    if device is None:
        console.print("   no memory of this guest is a virtio-mem device's: nothing can be taken back")
        return
    console.print(f"5. Take back: vmemctl unplug {NAME} --device {device.id} SIZE, {STEPS} times")
    console.print(take_back(client, device))
    violations = client.verify(NAME).violations
    console.print(
        f"6. Verify: {len(violations)} broken invariants" + (f": {violations}" if violations else "")
    )


def largest_device(guest: Guest) -> Device | None:
    """Returns the device that has most memory plugged, or None."""
    return max(guest.devices, key=lambda device: device.size, default=None)


def take_back(client: Client, device: Device) -> Table:
    """Asks for the device's memory in equal steps; returns the table of what came, and what blocked the rest."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("asked", "got", *(level.replace("_", " ") for level in _LEVELS), "migrated"):
        table.add_column(title, justify="right")
    table.add_column("what blocks the rest")
    step = device.size // STEPS // device.block_size * device.block_size
    for number in range(STEPS):
        size = step if number < STEPS - 1 else device.size - (STEPS - 1) * step
        if size:
            add_row(table, size, client.unplug(NAME, device.id, size).outcome)
    return table


def add_row(table: Table, asked: int, outcome: Outcome | None) -> None:
    """Adds one unplug to the table. What earlier ones left is asked for again, so more may come than was asked."""
    assert outcome is not None, "a guest in mode instant has done its work when the operation is over"
    levels = [outcome.by_level.get(name) for name in _LEVELS]
    table.add_row(
        format_size(asked),
        format_size(outcome.achieved),
        *("-" if level is None else format_size(level.bytes) for level in levels),
        f"{outcome.migrated_pages} pages",
        "; ".join(blocked_by(outcome)) or "nothing",
    )


def blocked_by(outcome: Outcome) -> list[str]:
    """Returns the largest groups of obstacles, a phrase each."""
    return [
        f"{round_size(group.bytes)} by {reason_of(group)} ({group.result})"
        for group in outcome.obstacle_groups[:2]
    ]


if __name__ == "__main__":
    sys.exit(main())
