"""/v1/guests: made, listed, shown, deleted; and everything that is refused leaves all guests as they were."""

import pytest

from app.api.schemas.guests import Guest, Guests
from app.settings import Settings
from tests.api.caller import Caller

BODY = {"boot_size": "512MiB", "devices": [{"size": "1GiB"}]}


def test_create_answers_the_whole_guest(caller: Caller) -> None:
    """The answer is 201 with the guest, sizes as bytes, and where it can be read."""
    answer = caller.post("/v1/guests", {**BODY, "name": "web-1", "seed": 7, "online": "online_kernel"})
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/guests/web-1")
    guest = Guest.model_validate(answer.json(), strict=True)
    assert (guest.name, guest.seed, guest.online, guest.source) == ("web-1", 7, "online_kernel", "preset")
    assert guest.boot_size == guest.memory.total == 512 * 2**20
    assert guest.fallback == ["memory_block", "pageblock"]
    assert [device.id for device in guest.devices] == ["vm0"]
    assert caller.get("/v1/guests/web-1").json() == answer.json()


def test_create_without_a_name_takes_the_next(caller: Caller) -> None:
    """Names are guest-1, guest-2 ..., and step over names that are taken."""
    caller.make_guest(name="guest-2")
    assert [caller.make_guest()["name"] for _ in range(2)] == ["guest-1", "guest-3"]


def test_create_plugs_what_the_device_requests(caller: Caller) -> None:
    """A requested size is plugged before the guest is shown."""
    guest = caller.make_guest(devices=[{"size": "1GiB", "requested_size": "256MiB"}])
    assert guest["devices"][0]["size"] == 256 * 2**20
    assert guest["memory"]["total"] == 768 * 2**20


def test_create_with_nodes_tells_the_node_of_everything(caller: Caller) -> None:
    """Zones, devices, memory blocks, pageblocks, allocations and /proc say to which NUMA node they belong."""
    devices = [{"size": "1GiB", "requested_size": "256MiB", "node": 1}]
    guest = caller.make_guest(name="two", numa_nodes=["512MiB", 0], devices=devices)
    assert guest["numa_nodes"] == [512 * 2**20, 0]
    assert [(zone["node"], zone["name"]) for zone in guest["zones"]] == [(0, "DMA32"), (1, "Movable")]
    assert guest["devices"][0]["node"] == 1
    allocation = caller.post("/v1/guests/two/allocations", {"kind": "anon", "size": "64MiB", "node": 1})
    assert allocation.json()["node"] == 1
    assert caller.get("/v1/guests/two").json()["zones"][1]["free"] == 192 * 2**20
    blocks = caller.get("/v1/guests/two/memory-blocks").json()["memory_blocks"]
    assert [block["node"] for block in blocks] == [0] * 4 + [1] * 2
    assert {run["node"] for run in caller.get("/v1/guests/two/pageblocks").json()["runs"]} == {0, 1}
    assert "Node 1, zone  Movable" in caller.get("/v1/guests/two/proc/buddyinfo").text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"numa_nodes": ["256MiB", "128MiB"]}, "numa_nodes"),
        ({"numa_nodes": ["1MiB", "511MiB"]}, "numa_nodes[0]"),
        ({"devices": [{"size": "1GiB", "node": 1}]}, "devices[0].node"),
        ({"workload": [{"do": "fill", "size": "1MiB", "node": 3}]}, "workload[0].node"),
    ],
)
def test_create_with_nodes_that_cannot_be_is_refused(
    caller: Caller, changes: dict[str, object], field: str
) -> None:
    """A node must exist, and nodes must make up boot memory; the problem names the field."""
    answer = caller.post("/v1/guests", {**BODY, **changes})
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_create_with_equal_seeds_makes_equal_guests(caller: Caller) -> None:
    """Policy, seed and workload decide a guest, not its name."""
    for name in ("one", "two"):
        caller.make_guest(name=name, seed=5, workload="fragmented")
    one, two = caller.digests().values()
    assert one == two


def test_list_shows_every_guest_oldest_first(caller: Caller) -> None:
    """The list has whole guests."""
    made = [caller.make_guest(name=name) for name in ("b", "a")]
    listed = caller.get("/v1/guests")
    assert listed.json() == {"guests": made}
    Guests.model_validate(listed.json(), strict=True)


def test_delete_forgets_the_guest(caller: Caller) -> None:
    """The name is free again, and the guest is gone."""
    caller.make_guest(name="web-1")
    answer = caller.call("DELETE", "/v1/guests/web-1")
    assert (answer.status_code, answer.content) == (204, b"")
    assert caller.get("/v1/guests/web-1").status_code == 404
    caller.make_guest(name="web-1")


def test_create_of_a_name_that_exists_is_409(caller: Caller) -> None:
    """Two guests never share a name."""
    caller.make_guest(name="web-1")
    answer = caller.post("/v1/guests", {**BODY, "name": "web-1"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/name-taken")


@pytest.mark.parametrize(
    ("changes", "field", "accepted"),
    [
        ({"name": "Web 1"}, "name", "matches"),
        ({"name": ""}, "name", "matches"),
        ({"name": "a" * 64}, "name", "matches"),
        ({"name": 1}, "name", "a string"),
        ({"preset": "vax"}, "preset", "x86-64"),
        ({"policy": "linux-2.4"}, "policy", "linux-5.19"),
        ({"policy": "linux-5.15+cma_align=pageblock"}, "policy.cma_align", "allow_unsafe"),
        ({"fallback": ["section"]}, "fallback", "memory_block"),
        ({"fallback": ["page"]}, "fallback[0]", "'pageblock'"),
        ({"fallback": []}, "fallback", "at least 1"),
        ({"online": "movable"}, "online", "'online_movable'"),
        ({"seed": -1}, "seed", "0 or more"),
        ({"seed": 2**63}, "seed", "or less"),
        ({"seed": 1.0}, "seed", "an integer"),
        ({"boot_size": -1}, "boot_size", "2GiB"),
        ({"boot_size": "1 potato"}, "boot_size", "2GiB"),
        ({"boot_size": None}, "boot_size", "2GiB"),
        ({"boot_size": 0}, "boot_size", "a multiple of"),
        ({"boot_size": 2**29 + 1}, "boot_size", "a multiple of"),
        ({"boot_size": 2**60}, "boot_size", "up to"),
        ({"memory_block_size": "100MiB"}, "geometry.memory_block_size", "a power of two"),
        ({"memory_block_size": "1MiB"}, "geometry.memory_block_size", "a power of two"),
        ({"devices": [{}]}, "devices[0].size", "required"),
        ({"devices": [{"size": "1GiB", "block_size": "3MiB"}]}, "devices[0].block_size", "power of two"),
        ({"devices": [{"size": "1GiB", "requested_size": 1}]}, "devices[0].requested_size", "a multiple of"),
        ({"devices": [{"size": "1GiB", "requested_size": "2GiB"}]}, "devices[0].requested_size", ""),
        ({"devices": [{"size": 2**40 + 1}]}, "devices[0].size", "a multiple of"),
        ({"devices": [{"size": "1GiB", "id": "a"}] * 2}, "devices[1].id", ""),
        ({"devices": [{"size": "1GiB", "blok_size": 1}]}, "devices[0].blok_size", "block_size"),
        ({"devices": [{"size": "1GiB"}] * 33}, "devices", "at most 32"),
        ({"memory": 1}, "memory", "boot_size"),
        ({"workload": "busier"}, "workload", "busy"),
        ({"workload": 5}, "workload", "a list"),
        ({"workload": [{"do": "sing"}]}, "workload[0].do", "fill"),
        ({"workload": [{"do": "fill", "fraction": 2}]}, "workload[0].fraction", "up to 1"),
        ({"workload": [{"do": "fill", "fraction": 10**400}]}, "workload[0].fraction", "up to 1"),
        ({"workload": [{"do": "free", "label": "x", "fraction": 1}]}, "workload[0].label", ""),
    ],
)
def test_create_with_a_wrong_value_is_refused_by_name(
    caller: Caller, changes: dict[str, object], field: str, accepted: str
) -> None:
    """The problem names the field, quotes the value, says what would do; no guest is made or changed."""
    caller.make_guest(name="bystander")
    before = caller.digests()
    answer = caller.post("/v1/guests", {**BODY, **changes})
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, "/problems/invalid-value"), answer.text
    assert problem["field"] == field
    assert accepted in problem["accepted"]
    assert "value" in problem
    assert caller.digests() == before


@pytest.mark.parametrize(
    ("settings", "slug", "limit"),
    [
        (Settings(max_guests=1), "guest-limit", 1),
        # Boot memory of 512 MiB, and a device of 1 GiB from 4 GiB on, end at page 1310720.
        (Settings(max_total_pages=2_000_000), "page-limit", 2_000_000),
    ],
)
def test_create_beyond_a_limit_is_507(settings: Settings, slug: str, limit: int) -> None:
    """The guest that would be one too many is refused; when another goes, there is room again."""
    with Caller.serving(settings) as caller:
        caller.make_guest(name="first")
        before = caller.digests()
        answer = caller.post("/v1/guests", BODY)
        assert (answer.status_code, answer.json()["type"]) == (507, f"/problems/{slug}")
        assert answer.json()["limit"] == limit
        assert caller.digests() == before
        caller.call("DELETE", "/v1/guests/first")
        caller.make_guest(name="second")
