"""What people type, read."""

import json
from pathlib import Path

import pytest
import typer

from clients.sizes import GIB, MIB
from clients.specs import ClockSpec, CmaAreaSpec, DeviceSpec, ScriptSpec
from clients.vmemctl import arguments


def test_devices_read_a_region_and_a_block() -> None:
    """Without a block the service chooses one; without a request nothing is plugged."""
    assert arguments.devices(["4GiB:2MiB", "8G", "4GiB:2MiB,node=1"], []) == (
        DeviceSpec(size=4 * GIB, block_size=2 * MIB),
        DeviceSpec(size=8 * GIB),
        DeviceSpec(size=4 * GIB, block_size=2 * MIB, node=1),
    )


def test_boot_memory_is_that_of_all_nodes_if_nobody_says_it() -> None:
    """A size for each node; 0 is one that has no memory of its own."""
    assert arguments.boot_memory(None, None) == {"boot_size": GIB, "numa_nodes": None}
    assert arguments.boot_memory(None, "2GiB,0,512MiB") == {
        "boot_size": 2 * GIB + 512 * MIB,
        "numa_nodes": (2 * GIB, 0, 512 * MIB),
    }
    assert arguments.boot_memory(GIB, "2GiB")["boot_size"] == GIB
    with pytest.raises(typer.BadParameter):
        arguments.boot_memory(None, "2GiB,")


@pytest.mark.parametrize(("requested", "targets"), [([GIB], [GIB, GIB]), ([GIB, 0], [GIB, 0])])
def test_devices_share_one_request_or_have_one_each(requested: list[int], targets: list[int]) -> None:
    """--requested once holds for all devices; as often as --device, in their order."""
    made = arguments.devices(["4GiB", "4GiB"], requested)
    assert [device.requested_size for device in made] == targets


@pytest.mark.parametrize(
    ("texts", "requested"),
    [
        (["4GiB"], [1, 2]),
        ([], [1, 2]),
        (["big"], []),
        (["4GiB:"], []),
        (["4GiB:x"], []),
        ([":2MiB"], []),
        (["4GiB,1"], []),
        (["4GiB,node=x"], []),
    ],
)
def test_devices_that_make_no_sense_are_usage_errors(texts: list[str], requested: list[int]) -> None:
    """Counts that do not fit, and parts that are no sizes."""
    with pytest.raises(typer.BadParameter):
        arguments.devices(texts, requested)


def test_cma_areas_read_name_size_and_base() -> None:
    """A base is optional; without one the service chooses a place."""
    assert arguments.cma_areas(["dma:64MiB@1GiB", "gpu:4194304"]) == (
        CmaAreaSpec(name="dma", size=64 * MIB, base=GIB),
        CmaAreaSpec(name="gpu", size=4 * MIB),
    )
    for text in ("dma", "64MiB", ":64MiB", "dma:", "dma:64MiB@", "dma:64MiB@high"):
        with pytest.raises(typer.BadParameter):
            arguments.cma_areas([text])


def test_request_without_device_is_a_usage_error() -> None:
    """A request for a device that is not there is a mistake, and not silently dropped."""
    with pytest.raises(typer.BadParameter, match="--device 0 times"):
        arguments.devices([], [GIB])


def test_workload_reads_an_array_or_an_object_that_holds_one(tmp_path: Path) -> None:
    """The body of a POST can be used as it is."""
    steps = [{"kind": "anon", "fraction": 0.5}]
    for content in (steps, {"workload": steps}):
        path = tmp_path / "workload.json"
        path.write_text(json.dumps(content))
        assert arguments.workload(str(path)) == tuple(steps)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"workload": 1}', "\x00"])
def test_workload_that_is_none_is_a_usage_error(tmp_path: Path, content: str) -> None:
    """The error names the file."""
    path = tmp_path / "workload.json"
    path.write_text(content)
    with pytest.raises(typer.BadParameter, match=r"workload\.json"):
        arguments.workload(str(path))


def test_workload_that_is_missing_is_a_usage_error(tmp_path: Path) -> None:
    """A file that is not there is told as such."""
    with pytest.raises(typer.BadParameter, match="No such file"):
        arguments.workload(str(tmp_path / "none.json"))


def test_workload_without_a_json_file_is_a_ready_made_name() -> None:
    """The service knows which names there are."""
    assert arguments.workload("busy") == "busy"


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "0", "soon", "1e9"])
def test_seconds_are_a_time_that_can_be_waited(text: str) -> None:
    """No clock measures infinity, and none looks a thousand times a second."""
    with pytest.raises(typer.BadParameter):
        arguments.seconds(text)


def test_seconds_and_durations_are_read() -> None:
    """A wait is a float, simulated time is whole microseconds."""
    assert arguments.seconds("1.5") == arguments.seconds(1.5) == 1.5
    assert arguments.duration_us("60.5") == 60_500_000
    for text in ("-1", "nan", "inf", "x"):
        with pytest.raises(typer.BadParameter):
            arguments.duration_us(text)


def test_small_words_are_read() -> None:
    """Lists, zones and page frame numbers."""
    assert arguments.comma_list("memory_block, chunk,") == ("memory_block", "chunk")
    assert arguments.online("kernel") == arguments.online("online_kernel") == "online_kernel"
    assert [arguments.online(word) for word in ("movable", "auto-movable", "offline", "online")] == [
        "online_movable",
        "auto-movable",
        "offline",
        "online",
    ]
    assert arguments.pfn("0x100") == arguments.pfn("256") == 256
    with pytest.raises(typer.BadParameter):
        arguments.pfn("here")


def test_clock_is_a_mode_and_perhaps_a_scale() -> None:
    """Which modes there are, the service knows."""
    assert arguments.clock("manual") == ClockSpec(mode="manual")
    assert arguments.clock("realtime:0.5") == ClockSpec(mode="realtime", scale=0.5)
    for text in ("realtime:", "realtime:x", "realtime:inf"):
        with pytest.raises(typer.BadParameter):
            arguments.clock(text)


def test_script_is_an_array_or_an_object(tmp_path: Path) -> None:
    """Both spellings are the same script; anything else is a usage error."""
    path = tmp_path / "script.json"
    path.write_text('[{"do": "hold", "seconds": 1}]')
    assert arguments.script(path) == ScriptSpec(phases=[{"do": "hold", "seconds": 1}])
    path.write_text('{"phases": [], "tick_ms": 500}')
    assert arguments.script(path) == ScriptSpec(phases=[], tick_ms=500)
    path.write_text("7")
    with pytest.raises(typer.BadParameter, match="no array of phases"):
        arguments.script(path)


def test_settings_are_read_by_their_names() -> None:
    """Numbers, sizes, yes and no; the last word on a name counts."""
    texts = ["auto_movable_ratio=100", "boot_used=16MiB", "auto_movable_numa_aware=no", "boot_used=0"]
    assert arguments.settings(texts) == {
        "auto_movable_ratio": 100,
        "boot_used": 0,
        "auto_movable_numa_aware": False,
    }


@pytest.mark.parametrize(
    "text", ["", "ratio=1", "boot_used", "boot_used=x", "auto_movable_ratio=1.5", "auto_movable_numa_aware=1"]
)
def test_settings_that_cannot_be_are_refused(text: str) -> None:
    """A usage error names the setting, or those that there are."""
    with pytest.raises(typer.BadParameter):
        arguments.settings([text])
