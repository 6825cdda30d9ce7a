"""vmemctl as a process of its own, against the real service."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from clients.client import Client
from clients.errors import NotFound
from clients.sizes import GIB, MIB
from clients.specs import DeviceSpec
from tests.integration.conftest import ROOT, MakeGuest, unique_name

Ended = subprocess.CompletedProcess[str]
Vmemctl = Callable[..., Ended]
COMMAND = [sys.executable, "-m", "clients"]


@pytest.fixture
def vmemctl(service_url: str) -> Vmemctl:
    """Returns a function that runs vmemctl and waits for its end."""

    def run(*arguments: str, url: str = service_url) -> Ended:
        command = [*COMMAND, "--url", url, *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)

    return run


def test_guest_lives_from_create_to_delete(vmemctl: Vmemctl, client: Client) -> None:
    """create, list, show, plug, unplug, resize, delete: each ends with 0 and leaves what it should."""
    name = unique_name()
    options = ["--boot", "1GiB", "--device", "4GiB:2MiB", "--requested", "1GiB", "--online", "movable"]
    made = vmemctl("create", name, *options, "--seed", "1", "--json")
    assert (made.returncode, made.stderr) == (0, "")
    assert json.loads(made.stdout)["devices"][0]["size"] == GIB
    assert name in vmemctl("list").stdout
    assert "vm0" in vmemctl("show", name).stdout
    for verb, size, left in (("plug", "1GiB", 2 * GIB), ("unplug", "512MiB", 1536 * MIB), ("resize", "0", 0)):
        assert vmemctl(verb, name, size).returncode == 0
        assert client.show_device(name, "vm0").size == left
    assert vmemctl("delete", name).returncode == 0
    with pytest.raises(NotFound):
        client.show_guest(name)


def test_partial_unplug_is_exit_code_3_and_names_the_page(vmemctl: Vmemctl, make_guest: MakeGuest) -> None:
    """One slab page in a memory block: 126 of 128 MiB go, and the table says why."""
    block = DeviceSpec(size=128 * MIB, requested_size=128 * MIB)
    guest = make_guest(devices=(block,), online="online_kernel")
    slab_pfn = guest.devices[0].addr // 4096
    assert vmemctl("alloc", guest.name, "unmovable", "--at", hex(slab_pfn)).returncode == 0
    ended = vmemctl("unplug", guest.name, "128MiB")
    assert ended.returncode == 3
    assert "partial: 126 MiB of 128 MiB" in ended.stdout
    assert hex(slab_pfn) in ended.stdout
    assert vmemctl("resize", guest.name, "0", "--json").returncode == 3


def test_cma_area_gives_and_takes_back(vmemctl: Vmemctl, client: Client) -> None:
    """A place that is pinned costs a call, and an area without room ends with 3."""
    name = unique_name()
    assert vmemctl("create", name, "--boot", "1GiB", "--cma", "dma:8MiB@512MiB").returncode == 0
    assert vmemctl("alloc", name, "pinned", "--at", "0x20003").returncode == 0
    taken = vmemctl("cma", "alloc", name, "dma", "--size", "2MiB", "--align", "9", "--json")
    assert taken.returncode == 0
    outcome = json.loads(taken.stdout)
    assert (outcome["pfn"], outcome["calls"]) == (0x20200, 2)
    assert "0x20200+512" in vmemctl("cma", "list", name).stdout
    assert vmemctl("cma", "alloc", name, "dma", "--size", "8MiB").returncode == 3
    assert vmemctl("cma", "release", name, "dma", "0x20200").returncode == 0
    assert "sound" in vmemctl("verify", name).stdout
    client.delete_guest(name)


def test_refusal_is_exit_code_4_with_numbers_and_units(vmemctl: Vmemctl, make_guest: MakeGuest) -> None:
    """The problem of the service is printed; nothing is on standard output."""
    guest = make_guest()
    ended = vmemctl("resize", guest.name, "3MiB")
    assert (ended.returncode, ended.stdout) == (4, "")
    assert "3145728 (3 MiB)" in ended.stderr
    assert json.loads(vmemctl("--json", "show", "nobody").stderr)["status"] == 404


def test_service_that_is_not_there_is_exit_code_5(vmemctl: Vmemctl) -> None:
    """Port 1 is nobody's."""
    assert vmemctl("list", url="http://127.0.0.1:1").returncode == 5


def test_usage_error_is_exit_code_2(vmemctl: Vmemctl, make_guest: MakeGuest) -> None:
    """A size that is none, and a guest with two devices of which none is named."""
    devices = (DeviceSpec(size=GIB), DeviceSpec(size=GIB))
    guest = make_guest(devices=devices)
    assert vmemctl("unplug", guest.name, "much").returncode == 2
    unclear = vmemctl("plug", guest.name, "128MiB")
    assert unclear.returncode == 2
    assert "vm0, vm1" in unclear.stderr
    assert vmemctl("plug", guest.name, "128MiB", "--device", "vm1").returncode == 0


def test_memory_is_shown(vmemctl: Vmemctl, service_url: str, make_guest: MakeGuest, tmp_path: Path) -> None:
    """The map on the terminal and as an image, memory blocks, /proc texts, invariants."""
    guest = make_guest(workload="busy", seed=2).name
    drawn = vmemctl("map", guest)
    assert drawn.returncode == 0
    assert "0x100000" in drawn.stdout
    assert "anon" in drawn.stdout
    image = tmp_path / "map.png"
    assert vmemctl("map", guest, "--png", str(image)).returncode == 0
    piped = subprocess.run(
        [*COMMAND, "--url", service_url, "map", guest, "--png", "-"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert image.read_bytes() == piped.stdout
    assert piped.stdout.startswith(b"\x89PNG")
    assert "vm0" in vmemctl("blocks", guest).stdout
    assert "Node 0" in vmemctl("proc", guest, "buddyinfo").stdout
    assert "sound" in vmemctl("verify", guest).stdout


@pytest.mark.parametrize("is_piped", [False, True])
def test_guest_is_made_from_a_capture(service_url: str, client: Client, *, is_piped: bool) -> None:
    """From a file, or from standard input as `ssh host ... | vmemctl create --from -` gives it."""
    name, path = unique_name(), ROOT / "tests" / "data" / "captures" / "6.1-mixed-zero.vmem"
    source = "-" if is_piped else str(path)
    command = [*COMMAND, "--url", service_url, "create", name, "--from", source, "--fallback", "pageblock"]
    with path.open("rb") as stream:
        ended = subprocess.run(command, cwd=ROOT, stdin=stream, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "load report" in ended.stdout
    made = client.show_guest(name)
    assert (made.source, made.fallback) == ("capture", ("pageblock",))
    client.delete_guest(name)


def test_catalogues_are_listed(vmemctl: Vmemctl) -> None:
    """What `create` can be told."""
    assert "linux-5.19" in vmemctl("policies").stdout
    assert "cma_lock" in vmemctl("policies", "--switches").stdout
    assert "per-area" in vmemctl("policies", "linux-5.19+cma_lock=per-area").stdout
    assert "x86-64" in vmemctl("presets").stdout
    assert "16 MiB" in vmemctl("presets", "ppc64-64K-radix", "--policy", "linux-5.15").stdout


def test_policy_text_that_cannot_be_is_refused_with_its_reason(vmemctl: Vmemctl) -> None:
    """The command tells which switches do not go together, and makes nothing."""
    ended = vmemctl("create", unique_name(), "--policy", "linux-6.17+isolate_store=type")
    assert ended.returncode == 4
    assert "isolate_store bit" in ended.stderr


def test_watch_shows_devices_once(vmemctl: Vmemctl, make_guest: MakeGuest) -> None:
    """A script can look without staying."""
    guest = make_guest().name
    ended = vmemctl("watch", guest, "--once", "--json")
    assert ended.returncode == 0
    assert json.loads(ended.stdout)["guests"][0]["name"] == guest


def test_watch_ends_cleanly_at_ctrl_c(service_url: str, make_guest: MakeGuest) -> None:
    """SIGINT ends the watch with 0, whole lines, and no traceback."""
    guest = make_guest().name
    command = [*COMMAND, "--url", service_url, "watch", guest, "--json", "--interval", "0.1"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as watch:
        assert watch.stdout is not None
        lines = [watch.stdout.readline() for _ in range(2)]
        watch.send_signal(signal.SIGINT)
        rest, errors = watch.communicate(timeout=30)
    assert watch.returncode == 0
    assert errors == ""
    assert all(json.loads(line)["guests"] for line in [*lines, *rest.splitlines()])
