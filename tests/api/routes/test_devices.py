"""/v1/guests/{guest}/virtio-mem/{device}: shown, resized, plugged, unplugged; wrong sizes change nothing."""

import pytest

from app.api.schemas.devices import Device
from app.api.schemas.operations import Operation
from tests.api.caller import Caller

MIB = 2**20
DEVICE = "/v1/guests/web/virtio-mem/vm0"


def _operation(caller: Caller, method: str, path: str, body: dict[str, object]) -> Operation:
    answer = caller.call(method, f"{path}?wait=30", json=body)
    assert answer.status_code == 200, answer.text
    operation = Operation.model_validate(answer.json(), strict=True)
    assert answer.headers["location"] == f"/v1/operations/{operation.id}"
    return operation


def test_show_answers_the_device(caller: Caller) -> None:
    """The device's own path shows what the guest shows of it."""
    guest = caller.make_guest(name="web")
    answer = caller.get(DEVICE)
    assert answer.json() == guest["devices"][0]
    device = Device.model_validate(answer.json(), strict=True)
    assert (device.size, device.region_size, device.block_size) == (0, 1024 * MIB, 2 * MIB)
    assert caller.get("/v1/guests/web/virtio-mem/vm1").status_code == 404


def test_resize_up_and_down_succeeds(caller: Caller) -> None:
    """PATCH sets the target and is an operation; the device shows the result."""
    caller.make_guest(name="web")
    grown = _operation(caller, "PATCH", DEVICE, {"requested_size": "512MiB"})
    assert (grown.state, grown.achieved, grown.size) == ("succeeded", 512 * MIB, 512 * MIB)
    shrunk = _operation(caller, "PATCH", DEVICE, {"requested_size": 128 * MIB})
    assert (shrunk.state, shrunk.achieved, shrunk.size) == ("succeeded", 384 * MIB, 128 * MIB)
    assert caller.get(DEVICE).json()["size"] == 128 * MIB


def test_resize_without_wait_is_accepted_and_goes_on(caller: Caller) -> None:
    """202 at once, be it over already or not; the operation tells the rest."""
    caller.make_guest(name="web")
    answer = caller.call("PATCH", DEVICE, json={"requested_size": "512MiB"})
    assert answer.status_code == 202
    over = caller.get(f"{answer.headers['location']}?wait=30").json()
    assert (over["state"], over["size"]) == ("succeeded", 512 * MIB)


def test_plug_and_unplug_are_relative(caller: Caller) -> None:
    """Sizes count from the present target."""
    caller.make_guest(name="web")
    assert _operation(caller, "POST", f"{DEVICE}/plug", {"size": "256MiB"}).size == 256 * MIB
    assert _operation(caller, "POST", f"{DEVICE}/plug", {"size": "128MiB"}).size == 384 * MIB
    assert _operation(caller, "POST", f"{DEVICE}/unplug", {"size": 130 * MIB}).size == 254 * MIB


def test_unplug_around_one_slab_page_is_partial(caller: Caller) -> None:
    """One unmovable page holds 2 MiB: a normal answer, with attempts by level and the page (D-13)."""
    levels = ["memory_block", "chunk", "pageblock"]
    caller.make_guest(name="web", online="online_kernel", fallback=levels)
    _operation(caller, "POST", f"{DEVICE}/plug", {"size": "128MiB"})
    pfn = caller.get(DEVICE).json()["addr"] // 4096 + 5000
    taken = caller.post("/v1/guests/web/allocations", {"kind": "unmovable", "at_pfns": [pfn]})
    assert taken.status_code == 201, taken.text
    operation = _operation(caller, "POST", f"{DEVICE}/unplug", {"size": "128MiB"})
    assert (operation.state, operation.achieved, operation.size) == ("partial", 126 * MIB, 2 * MIB)
    assert "2 MiB stay plugged" in str(operation.reason)
    outcome = operation.outcome
    assert outcome is not None
    tallies = {level: (tally.attempts, tally.failed) for level, tally in outcome.by_level.items()}
    assert tallies == {"memory_block": (1, 1), "chunk": (32, 1), "pageblock": (2, 1)}
    assert outcome.obstacle_count == len(outcome.obstacles)
    assert pfn in {obstacle.pfn for obstacle in outcome.obstacles}


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PATCH", DEVICE, {"requested_size": 3 * MIB}, "requested_size"),
        ("PATCH", DEVICE, {"requested_size": "2GiB"}, "requested_size"),
        ("PATCH", DEVICE, {"requested_size": -2 * MIB}, "requested_size"),
        ("PATCH", DEVICE, {"requested_size": "lots"}, "requested_size"),
        ("PATCH", DEVICE, {"requested_size": 2.0 * MIB}, "requested_size"),
        ("PATCH", DEVICE, {"requested_size": True}, "requested_size"),
        ("PATCH", DEVICE, {}, "requested_size"),
        ("PATCH", DEVICE, {"size": 2 * MIB}, "size"),
        ("POST", f"{DEVICE}/plug", {"size": 1}, "size"),
        ("POST", f"{DEVICE}/plug", {"size": "2GiB"}, "size"),
        ("POST", f"{DEVICE}/plug", {"size": 2**61}, "size"),
        ("POST", f"{DEVICE}/unplug", {"size": 1}, "size"),
        ("POST", f"{DEVICE}/unplug", {"size": "512MiB"}, "size"),
    ],
)
def test_wrong_size_is_refused_and_changes_nothing(
    caller: Caller, method: str, path: str, body: dict[str, object], field: str
) -> None:
    """Not a multiple, beyond the region, negative, no number: 422, by name, and the digests are as before."""
    caller.make_guest(name="web", devices=[{"size": "1GiB", "requested_size": "256MiB"}])
    before = caller.digests()
    answer = caller.call(method, path, json=body)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, "/problems/invalid-value"), answer.text
    assert problem["field"] == field
    assert {"value", "accepted"} <= problem.keys()
    assert caller.digests() == before


def test_unknown_device_is_404_and_changes_nothing(caller: Caller) -> None:
    """A device that is not there is told from a wrong size."""
    caller.make_guest(name="web")
    before = caller.digests()
    for action in ("", "/plug", "/unplug"):
        method, body = ("POST", {"size": 0}) if action else ("PATCH", {"requested_size": 0})
        answer = caller.call(method, f"/v1/guests/web/virtio-mem/vm7{action}", json=body)
        assert (answer.status_code, answer.json()["known"]) == (404, ["vm0"])
    assert caller.digests() == before
