"""/v1/guests/{guest}/virtio-mem/{device}/driver: loaded late, with parameters, unloaded, and refused."""

import pytest

from app.api.schemas.devices import Device
from tests.api.caller import Caller

MIB = 2**20
DEVICE = "/v1/guests/web/virtio-mem/vm0"


def _device(caller: Caller) -> Device:
    return Device.model_validate(caller.get(DEVICE).json(), strict=True)


def _late(caller: Caller, **driver: object) -> None:
    """A guest whose driver is not loaded, and which is asked for 512 MiB all the same."""
    device = {"size": "1GiB", "requested_size": "512MiB", "driver": {"is_loaded": False, **driver}}
    caller.make_guest(name="web", devices=[device])


def test_target_without_a_driver_is_noted_and_met_once_it_is_loaded(caller: Caller) -> None:
    """Recorded: requested_size is accepted and nothing happens; loading the driver plugs it."""
    _late(caller)
    before = _device(caller)
    assert (before.size, before.requested_size, before.driver.state) == (0, 512 * MIB, "unloaded")
    resized = caller.call("PATCH", f"{DEVICE}?wait=5", json={"requested_size": "256MiB"}).json()
    assert (resized["state"], resized["size"]) == ("partial", 0)
    assert "no driver is loaded" in resized["reason"]
    loaded = caller.post(f"{DEVICE}/driver/load", {})
    assert loaded.status_code == 200, loaded.text
    assert (_device(caller).size, _device(caller).driver.is_loaded) == (256 * MIB, True)


@pytest.mark.parametrize(
    ("parameters", "mode", "size"),
    [
        ({}, "sbm", None),
        ({"force_bbm": True}, "bbm", 128 * MIB),
        ({"force_bbm": True, "bbm_block_size": "256MiB"}, "bbm", 256 * MIB),
    ],
)
def test_module_parameters_choose_the_mode(
    caller: Caller, parameters: dict[str, object], mode: str, size: int | None
) -> None:
    """8.10: whether given at creation or to the load."""
    _late(caller)
    caller.post(f"{DEVICE}/driver/load", parameters)
    device = _device(caller)
    assert (device.mode, device.big_block_size, device.size) == (mode, size, 512 * MIB)
    assert device.blocks.added == (0 if size is None else 512 * MIB // size)
    made = caller.make_guest(name="at-once", devices=[{"size": "1GiB", "driver": parameters}])
    assert (made["devices"][0]["mode"], made["devices"][0]["big_block_size"]) == (mode, size)


def test_unknown_parameter_of_an_old_kernel_is_passed_over_and_told(caller: Caller) -> None:
    """Recorded on 5.10: force_bbm is unknown, and ignored."""
    device = {"size": "1GiB", "driver": {"force_bbm": True}}
    caller.make_guest(name="web", policy="linux-5.10", devices=[device])
    assert _device(caller).mode == "sbm"
    assert _device(caller).driver.ignored_parameters == ["force_bbm"]


def test_unloading_leaves_memory_and_loading_again_is_refused(caller: Caller) -> None:
    """Recorded: the memory stays online and plugged, and insmod fails with EBUSY; with nothing added it goes."""
    _late(caller)
    caller.post(f"{DEVICE}/driver/load", {})
    gone = caller.post(f"{DEVICE}/driver/unload")
    assert (gone.status_code, gone.json()["size"]) == (200, 512 * MIB)
    assert caller.get("/v1/guests/web/proc/meminfo").status_code == 200
    refused = caller.post(f"{DEVICE}/driver/load", {})
    assert (refused.status_code, refused.json()["errno"]) == (409, "EBUSY")
    again = caller.post(f"{DEVICE}/driver/unload")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/module-refused")


def test_driver_without_memory_can_be_loaded_again(caller: Caller) -> None:
    """V-17: unloading resets the device, and changes nothing of it."""
    caller.make_guest(name="web", devices=[{"size": "1GiB"}])
    assert caller.post(f"{DEVICE}/driver/load", {}).json()["errno"] == "EEXIST"
    caller.post(f"{DEVICE}/driver/unload")
    assert _device(caller).driver.state == "unloaded"
    loaded = caller.post(f"{DEVICE}/driver/load", {"unplug_online": False})
    assert (loaded.status_code, loaded.json()["driver"]["unplug_online"]) == (200, False)


@pytest.mark.parametrize(
    "body", [{"force_bbm": 1}, {"bbm_block_size": "much"}, {"bbm_block_size": -1}, {"safe": True}]
)
def test_wrong_parameter_is_refused_and_changes_nothing(caller: Caller, body: dict[str, object]) -> None:
    """422, by the name of the field; the driver is not loaded."""
    _late(caller)
    before = caller.digests()
    assert caller.post(f"{DEVICE}/driver/load", body).status_code == 422
    assert caller.digests() == before
    assert caller.post("/v1/guests/web/virtio-mem/vm9/driver/load", {}).status_code == 404
