"""/v1/guests/{guest}/reboot, /suspend, /resume: what a host sees of a guest that boots, sleeps and wakes."""

import pytest

from app.api.schemas.devices import Device
from tests.api.caller import Caller

MIB = 2**20
DEVICE = "/v1/guests/web/virtio-mem/vm0"
GUEST = {"devices": [{"size": "1GiB", "requested_size": "512MiB"}]}


def _device(caller: Caller) -> Device:
    return Device.model_validate(caller.get(DEVICE).json(), strict=True)


@pytest.mark.parametrize("kind", ["system_reset", "kexec"])
def test_reboot_forgets_allocations_and_keeps_the_target(caller: Caller, kind: str) -> None:
    """Its programs are gone, its driver has plugged the target again, and every law holds."""
    caller.make_guest(name="web", **GUEST)
    caller.post("/v1/guests/web/allocations", {"kind": "anon", "size": "64MiB"})
    answer = caller.post("/v1/guests/web/reboot", {"kind": kind})
    assert answer.status_code == 200, answer.text
    guest = answer.json()
    assert (guest["allocations"], guest["condition"]["state"]) == ([], "running")
    assert (_device(caller).size, _device(caller).requested_size) == (512 * MIB, 512 * MIB)
    assert caller.post("/v1/guests/web/verify", {}).json()["violations"] == []


def test_system_reset_is_seen_as_size_zero_until_the_guest_is_up(caller: Caller) -> None:
    """By a manual clock: size 0 at once; seconds later the driver has plugged; one event told of the 0."""
    caller.make_guest(name="web", clock={"mode": "manual"}, **GUEST)
    caller.post("/v1/guests/web/clock/advance", {"seconds": 10})
    assert _device(caller).size == 512 * MIB
    caller.post("/v1/guests/web/reboot", {})
    assert (_device(caller).size, _device(caller).requested_size) == (0, 512 * MIB)
    caller.post("/v1/guests/web/clock/advance", {"seconds": 4})
    assert _device(caller).size == 0
    caller.post("/v1/guests/web/clock/advance", {"seconds": 4})
    assert _device(caller).size == 512 * MIB


def test_resize_under_way_is_met_by_the_kernel_that_boots(caller: Caller) -> None:
    """The target outlives the guest that was asked: the operation ends once the new driver is there."""
    caller.make_guest(name="web", clock={"mode": "manual"}, **GUEST)
    began = caller.call("PATCH", DEVICE, json={"requested_size": "1GiB"}).json()
    caller.post("/v1/guests/web/reboot", {"kind": "system_reset"})
    path = f"/v1/operations/{began['id']}"
    assert (caller.get(path).json()["state"], _device(caller).size) == ("running", 0)
    caller.post("/v1/guests/web/clock/advance", {"seconds": 10})
    ended = caller.get(path).json()
    assert (ended["state"], ended["size"], _device(caller).size) == ("succeeded", 1024 * MIB, 1024 * MIB)


def test_sleeping_guest_keeps_its_memory_and_its_host_waiting(caller: Caller) -> None:
    """V-36: a resize meanwhile has no effect until it wakes."""
    caller.make_guest(name="web", **GUEST)
    asleep = caller.post("/v1/guests/web/suspend", {"kind": "s3"}).json()
    assert (asleep["condition"]["state"], asleep["condition"]["reason"]) == ("asleep", "s3")
    caller.call("PATCH", DEVICE, json={"requested_size": 0})
    assert _device(caller).size == 512 * MIB
    refused = caller.post("/v1/guests/web/allocations", {"kind": "anon", "size": "1MiB"})
    assert (refused.status_code, "sleeps" in refused.json()["detail"]) == (409, True)
    assert caller.post("/v1/guests/web/resume", {}).json()["condition"]["state"] == "running"
    assert _device(caller).size == 0


def test_device_without_persistent_suspend_keeps_its_guest_awake(caller: Caller) -> None:
    """V-29: with memory plugged, s3 is refused by the device's name; with none it is not."""
    device = {"size": "1GiB", "requested_size": "512MiB", "persistent_suspend": False}
    caller.make_guest(name="web", devices=[device])
    refused = caller.post("/v1/guests/web/suspend", {"kind": "s3"})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/wrong-state")
    assert "the driver of vm0 refuses s3: 536870912 bytes are plugged" in refused.json()["detail"]
    caller.call("PATCH", DEVICE, json={"requested_size": 0})
    assert caller.post("/v1/guests/web/suspend", {"kind": "s3"}).status_code == 200


def test_device_of_huge_pages_has_blocks_of_one_at_least(caller: Caller) -> None:
    """V-Q6: with 1 GiB pages behind it a block is 1 GiB, and a smaller one is refused."""
    huge = {"size": "4GiB", "backing_page_size": "1GiB"}
    caller.make_guest(name="web", devices=[huge])
    assert _device(caller).block_size == 1024 * MIB
    body = {"name": "mail", "boot_size": "1GiB", "devices": [{**huge, "block_size": "2MiB"}]}
    refused = caller.post("/v1/guests", body)
    assert (refused.status_code, refused.json()["field"]) == (422, "devices[0].block_size")


@pytest.mark.parametrize(
    ("path", "body", "status", "slug"),
    [
        ("web/reboot", {"kind": "warm"}, 422, "invalid-value"),
        ("web/reboot", {"how": "kexec"}, 422, "invalid-value"),
        ("web/suspend", {}, 422, "invalid-value"),
        ("web/suspend", {"kind": "hibernate"}, 409, "wrong-state"),
        ("web/resume", {}, 409, "wrong-state"),
        ("mail/reboot", {}, 404, "unknown"),
    ],
)
def test_what_cannot_be_is_a_problem(
    caller: Caller, path: str, body: dict[str, object], status: int, slug: str
) -> None:
    """Unknown kinds and members, a driver that refuses, a guest that does not sleep, one that is not there."""
    caller.make_guest(name="web", **GUEST)
    answer = caller.post(f"/v1/guests/{path}", body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
