"""`vmemctl create`, against a fake service."""

import json
from pathlib import Path

import pytest

from clients.sizes import GIB, MIB
from tests.clients import recorded
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService


def test_create_sends_what_was_said_and_shows_the_guest(vmemctl: Vmemctl, service: FakeService) -> None:
    """Each option is a field of the body; sizes are bytes."""
    service.answer("POST /v1/guests", recorded.GUEST, status=201)
    options = (
        "create web --preset arm64-4k --policy linux-5.15 --boot 2GiB --device 8GiB:2MiB --requested 1GiB"
    )
    ended = vmemctl(
        *options.split(), "--online", "kernel", "--seed", "7", "--fallback", "memory_block,pageblock"
    )
    assert ended.code == 0
    assert "vm0" in ended.out
    assert service.received[0].json == {
        "name": "web",
        "preset": "arm64-4k",
        "policy": "linux-5.15",
        "boot_size": 2 * GIB,
        "devices": [{"size": 8 * GIB, "block_size": 2 * MIB, "requested_size": GIB}],
        "online": "online_kernel",
        "seed": 7,
        "fallback": ["memory_block", "pageblock"],
    }


def test_create_sends_nodes_and_shows_them(vmemctl: Vmemctl, service: FakeService) -> None:
    """Boot memory of each node, and the node of a device; what is on node 1 says so."""
    zones = [{**recorded.GUEST["zones"][0], "node": 1}]
    devices = [{**recorded.DEVICE, "node": 1}]
    service.answer("POST /v1/guests", recorded.GUEST | {"zones": zones, "devices": devices}, status=201)
    ended = vmemctl("create", "--numa", "2GiB,0", "--device", "8GiB,node=1")
    assert ended.code == 0
    sent = service.received[0].json
    assert (sent["boot_size"], sent["numa_nodes"]) == (2 * GIB, [2 * GIB, 0])
    assert sent["devices"] == [{"size": 8 * GIB, "node": 1}]
    assert "Normal, node 1" in ended.out
    assert "vm0, node 1" in ended.out


def test_create_sends_how_memory_is_hotplugged(vmemctl: Vmemctl, service: FakeService) -> None:
    """Policy, ratio, patience, and boot memory that is not free."""
    service.answer("POST /v1/guests", recorded.GUEST, status=201)
    options = "--online auto-movable --set auto_movable_ratio=100 --set offline_max_rounds=5"
    ended = vmemctl("create", *options.split(), "--set", "boot_reserved=64MiB", "--set", "boot_used=16MiB")
    assert ended.code == 0
    sent = service.received[0].json
    assert (sent["online"], sent["auto_movable_ratio"], sent["offline_max_rounds"]) == (
        "auto-movable",
        100,
        5,
    )
    assert (sent["boot_reserved"], sent["boot_used"]) == (64 * MIB, 16 * MIB)


def test_create_sends_clock_and_cost(vmemctl: Vmemctl, service: FakeService) -> None:
    """Who drives the clock, at which scale, and what acts take."""
    service.answer("POST /v1/guests", recorded.GUEST, status=201)
    assert vmemctl("create", "--clock", "realtime:60", "--cost", "hyperalloc-2025-vfio").code == 0
    sent = service.received[0].json
    assert sent["clock"] == {"mode": "realtime", "scale": 60.0}
    assert sent["cost"] == {"profile": "hyperalloc-2025-vfio"}
    assert vmemctl("create", "--clock", "realtime:fast").code == 2


def test_create_sends_cma_areas(vmemctl: Vmemctl, service: FakeService) -> None:
    """Each --cma is an area; a base is optional, and the answer shows the areas."""
    service.answer("POST /v1/guests", recorded.GUEST, status=201)
    ended = vmemctl("create", "--cma", "dma:64MiB@512MiB", "--cma", "gpu:32MiB")
    assert ended.code == 0
    assert "CMA area" in ended.out
    assert service.received[0].json["cma_areas"] == [
        {"name": "dma", "size": 64 * MIB, "base": 512 * MIB},
        {"name": "gpu", "size": 32 * MIB},
    ]


def test_create_without_options_leaves_the_rest_to_the_service(
    vmemctl: Vmemctl, service: FakeService
) -> None:
    """A plain `create` works."""
    service.answer("POST /v1/guests", recorded.GUEST, status=201)
    assert vmemctl("create").code == 0
    assert service.received[0].json == {"preset": "x86-64", "boot_size": GIB, "devices": []}


def test_create_sends_a_workload_file(vmemctl: Vmemctl, service: FakeService, tmp_path: Path) -> None:
    """The steps go as they stand in the file."""
    path = tmp_path / "fill.json"
    path.write_text('[{"kind": "anon", "fraction": 0.5}]')
    service.answer("POST /v1/guests", recorded.GUEST, status=201)
    assert vmemctl("create", "--workload", str(path)).code == 0
    assert service.received[0].json["workload"] == [{"kind": "anon", "fraction": 0.5}]


def test_create_prints_json_for_scripts(vmemctl: Vmemctl, service: FakeService) -> None:
    """The service's answer, whole."""
    service.answer("POST /v1/guests", recorded.GUEST, status=201)
    assert json.loads(vmemctl("create", "--json").out) == recorded.GUEST


def test_create_from_a_capture_streams_it_and_shows_the_load_report(
    vmemctl: Vmemctl, service: FakeService, tmp_path: Path
) -> None:
    """The file is the body, the options are the query."""
    path = tmp_path / "host.vmem"
    path.write_bytes(b"capture")
    service.answer("POST /v1/guests/import", recorded.IMPORTED, status=201)
    options = "--policy linux-5.15 --device zone:Movable --online kernel --seed 3 --block-size 2MiB"
    ended = vmemctl(
        "create", "host", "--from", str(path), *options.split(), "--per-cpu", "none", "--pinned", "0.25"
    )
    assert ended.code == 0
    assert "load report" in ended.out
    (request,) = service.received
    assert request.body == b"capture"
    assert dict(request.query) == {
        "name": "host",
        "policy": "linux-5.15",
        "online": "online_kernel",
        "seed": "3",
        "device": "zone:Movable",
        "block_size": str(2 * MIB),
        "per_cpu": "none",
        "pinned_fraction": "0.25",
    }


def test_create_from_a_capture_prints_both_parts_as_json(
    vmemctl: Vmemctl, service: FakeService, tmp_path: Path
) -> None:
    """Guest and load report are one object."""
    path = tmp_path / "host.vmem"
    path.write_bytes(b"capture")
    service.answer("POST /v1/guests/import", recorded.IMPORTED, status=201)
    assert json.loads(vmemctl("--json", "create", "--from", str(path)).out) == recorded.IMPORTED


@pytest.mark.parametrize(
    "options",
    [
        ["--from", "/nowhere/host.vmem"],
        ["--device", "big"],
        ["--boot", "-1"],
        ["--requested", "1GiB"],
        ["--workload", "/nowhere/fill.json"],
        ["--seed", "x"],
        ["--cma", "64MiB"],
        ["--cma", "dma:big"],
        ["--cma", "dma:64MiB@"],
    ],
)
def test_create_with_a_wrong_option_sends_nothing(
    vmemctl: Vmemctl, service: FakeService, options: list[str]
) -> None:
    """A usage error is told before the service is asked."""
    assert vmemctl("create", *options).code == 2
    assert service.received == []
