"""The operator's question on a capture, through vmemctl: what could I take back, and what blocks the rest."""

import json
import subprocess
import sys
from pathlib import Path

from clients.client import Client
from clients.sizes import MIB
from tests.integration.conftest import ROOT, unique_name

# A real machine that had pinned a page in every fourth pageblock; asked for nothing, it kept 262 MiB.
CAPTURE = ROOT / "tests" / "captures" / "recordings" / "6.1-pins-normal-zero.vmem"
KEPT = 262 * MIB


def vmemctl(url: str, *words: str) -> str:
    """Returns what vmemctl prints."""
    command = [sys.executable, "-m", "clients", "--url", url, *words]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_capture_answers_what_could_be_taken_back(service_url: str, client: Client, tmp_path: Path) -> None:
    """Explanation, forecast and picture agree with the machine; afterwards the guest is restored, and asked again."""
    name = unique_name()
    vmemctl(service_url, "create", name, "--from", str(CAPTURE))
    taken = client.take_snapshot(name, "as-captured")
    told = json.loads(vmemctl(service_url, "explain", name, "--target", "0", "--json"))
    assert (told["stays"], told["obtainable"]) == (KEPT, 1024 * MIB - KEPT)
    assert {group["kind"] for group in told["groups"]} == {"pinned", "unmovable", "unmovable_pages"}
    text = vmemctl(service_url, "explain", name, "--target", "0")
    assert "762 MiB could be taken back now, 262 MiB not" in text
    assert "unpin these pages" in text
    picture = tmp_path / "why.png"
    vmemctl(service_url, "explain", name, "--target", "0", "--png", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
    forecast = client.forecast(name, "vm0", 0)
    assert forecast.limits is not None
    assert forecast.size == forecast.limits.floor == KEPT
    for _ in range(2):
        operation = client.resize(name, "vm0", 0)
        assert (operation.state, operation.size) == ("partial", KEPT)
        assert operation.outcome == forecast.outcome
        client.restore(name, "as-captured")
        (listed,) = client.list_snapshots(name)
        assert listed == taken
    assert client.take_snapshot(name).digest == taken.digest
    twin = client.fork(name, f"{name}-twin", policy="linux-6.17")
    assert (twin.policy, twin.devices[0].size) == ("linux-6.17", 1024 * MIB)
    for guest in (name, twin.name):
        client.delete_guest(guest)
