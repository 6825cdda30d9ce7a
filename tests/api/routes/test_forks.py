"""/fork, /snapshot, /restore: copies that live on, states that come back, names and limits."""

import pytest

from app.api.schemas.forks import Snapshot, SnapshotList
from app.settings import Settings
from app.trace.events import GuestRestored
from app.units import GIB, MIB
from tests.api.caller import JSON, Caller

WEB = "/v1/guests/web"
DEVICE = f"{WEB}/virtio-mem/vm0"


def make_guest(caller: Caller, **changes: object) -> None:
    """A guest with half of its device plugged, and something in it."""
    caller.make_guest(
        **{
            "name": "web",
            "online": "online_movable",
            "devices": [{"size": "1GiB", "requested_size": "512MiB"}],
            "workload": "busy",
        }
        | changes
    )


def unplug_all(caller: Caller) -> JSON:
    """Asks for everything back, and returns the operation once the driver rests."""
    operation = caller.call("PATCH", f"{DEVICE}?wait=10", json={"requested_size": 0}).json()
    registry = caller.service.registry
    caller.wait_for(registry.settle(registry.entry("web")))
    return operation


def test_fork_lives_for_itself(caller: Caller) -> None:
    """A fork is equal at first; what is done to one is not done to the other."""
    make_guest(caller)
    answer = caller.post(f"{WEB}/fork", {"name": "twin"})
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/guests/twin"), answer.text
    twin, web = answer.json(), caller.get(WEB).json()
    assert twin | {"name": "web"} == web
    states = {name: digests[0] for name, digests in caller.digests().items()}
    assert states["twin"] == states["web"]
    unplug_all(caller)
    assert caller.digests()["twin"][0] == states["twin"]
    assert caller.digests()["web"][0] != states["web"]


def test_fork_without_a_name_under_another_kernel(caller: Caller) -> None:
    """A free name is found; policy and levels are the copy's own."""
    make_guest(caller)
    twin = caller.post(f"{WEB}/fork", {"policy": "linux-5.15"}).json()
    assert (twin["name"], twin["policy"], twin["fallback"]) == (
        "guest-1",
        "linux-5.15",
        ["memory_block", "chunk"],
    )
    twin = caller.post(f"{WEB}/fork", {"fallback": ["pageblock"]}).json()
    assert (twin["name"], twin["policy"], twin["fallback"]) == ("guest-2", "linux-5.19", ["pageblock"])


def test_fork_keeps_the_clock_as_it_is_driven(caller: Caller) -> None:
    """Mode and time are the original's."""
    make_guest(caller)
    caller.call("PATCH", f"{WEB}/clock", json={"mode": "manual"})
    caller.post(f"{WEB}/clock/advance", {"seconds": 7})
    twin = caller.post(f"{WEB}/fork", {}).json()
    assert twin["clock"] == caller.get(WEB).json()["clock"]
    assert twin["simulated_us"] == caller.get(WEB).json()["simulated_us"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "web"}, 409),
        ({"name": "Not A Name"}, 422),
        ({"name": ""}, 422),
        ({"policy": "linux-0.9"}, 422),
        ({"fallback": ["chunk", "memory_block"]}, 422),
        ({"colour": "red"}, 422),
    ],
)
def test_fork_refuses_what_cannot_be(caller: Caller, body: dict[str, object], status: int) -> None:
    """Nothing has been made then."""
    make_guest(caller)
    nr_pages = caller.service.registry.nr_pages
    answer = caller.post(f"{WEB}/fork", body)
    assert answer.status_code == status, answer.text
    assert list(caller.digests()) == ["web"]
    assert caller.service.registry.nr_pages == nr_pages


def test_restore_makes_the_guest_what_it_was(caller: Caller) -> None:
    """The digest comes back, and the same command does the same again."""
    make_guest(caller)
    answer = caller.post(f"{WEB}/snapshot", {"name": "before"})
    assert answer.status_code == 201, answer.text
    snapshot = Snapshot.model_validate(answer.json(), strict=True)
    web = caller.get(WEB).json()
    assert (snapshot.id, snapshot.at_us, snapshot.digest) == (
        "before",
        web["simulated_us"],
        caller.digests()["web"][0],
    )
    first = unplug_all(caller)
    after = caller.digests()["web"][0]
    answer = caller.post(f"{WEB}/restore", {"snapshot": "before"})
    assert (answer.status_code, answer.json()) == (200, web), answer.text
    assert caller.digests()["web"][0] == snapshot.digest
    second = unplug_all(caller)
    assert second["outcome"] == first["outcome"]
    assert caller.digests()["web"][0] == after


def test_restore_ends_what_was_under_way(caller: Caller) -> None:
    """An operation that waits for a retry ends as cancelled, with the reason; events are numbered on."""
    make_guest(caller)
    caller.call("PATCH", f"{WEB}/clock", json={"mode": "manual"})
    caller.post(f"{WEB}/snapshot", {})
    operation = caller.call("PATCH", DEVICE, json={"requested_size": 0}).json()
    newest = caller.service.registry.entry("web").guest.events.newest
    assert caller.post(f"{WEB}/restore", {"snapshot": "snapshot-1"}).status_code == 200
    ended = caller.get(f"/v1/operations/{operation['id']}").json()
    assert (ended["state"], ended["is_over"]) == ("cancelled", True)
    assert "snapshot-1" in ended["reason"]
    (kept,) = caller.service.registry.entry("web").guest.events.read(newest, 10)
    assert isinstance(kept.event, GuestRestored)
    assert (kept.id, kept.event.snapshot) == (newest + 1, "snapshot-1")


def test_snapshots_are_listed_counted_and_deleted(caller: Caller) -> None:
    """They count as pages, go one by one, and go with their guest."""
    make_guest(caller)
    nr_pages = caller.service.registry.nr_pages
    caller.post(f"{WEB}/snapshot", {"name": "a"})
    caller.post(f"{WEB}/snapshot", {})
    told = SnapshotList.model_validate(caller.get(f"{WEB}/snapshots").json(), strict=True)
    assert [row.id for row in told.snapshots] == ["a", "snapshot-1"]
    assert caller.service.registry.nr_pages == 3 * nr_pages
    assert caller.call("DELETE", f"{WEB}/snapshots/a").status_code == 204
    assert caller.call("DELETE", f"{WEB}/snapshots/a").status_code == 404
    assert caller.service.registry.nr_pages == 2 * nr_pages
    caller.call("DELETE", WEB)
    assert caller.service.registry.nr_pages == 0


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("snapshot", {"name": "a"}, 409),
        ("snapshot", {"name": "A"}, 422),
        ("snapshot", {"id": "b"}, 422),
        ("restore", {"snapshot": "b"}, 404),
        ("restore", {}, 422),
    ],
)
def test_snapshots_refuse_what_cannot_be(
    caller: Caller, path: str, body: dict[str, object], status: int
) -> None:
    """Names that are taken, wrong or unknown."""
    make_guest(caller)
    caller.post(f"{WEB}/snapshot", {"name": "a"})
    before = caller.digests()
    answer = caller.post(f"{WEB}/{path}", body)
    assert answer.status_code == status, answer.text
    assert caller.digests() == before


def test_copies_of_nobody(caller: Caller) -> None:
    """A guest that is not there has no copies."""
    assert caller.post(f"{WEB}/fork", {}).status_code == 404
    assert caller.post(f"{WEB}/snapshot", {}).status_code == 404
    assert caller.get(f"{WEB}/snapshots").status_code == 404
    assert caller.post(f"{WEB}/restore", {"snapshot": "a"}).status_code == 404


def test_copies_have_limits() -> None:
    """So many snapshots of a guest, so many guests, so many pages: 507."""
    size = (4 * GIB + GIB) // 4096
    with Caller.serving(Settings(max_snapshots=1, max_guests=2, max_total_pages=3 * size)) as caller:
        make_guest(caller)
        assert caller.post(f"{WEB}/snapshot", {}).status_code == 201
        assert caller.post(f"{WEB}/snapshot", {}).status_code == 507
        assert caller.post(f"{WEB}/fork", {}).status_code == 201
        assert caller.post(f"{WEB}/fork", {}).status_code == 507
        assert caller.service.registry.nr_pages == 3 * size
    with Caller.serving(Settings(max_total_pages=2 * size - 1)) as caller:
        make_guest(caller)
        for path in ("fork", "snapshot"):
            answer = caller.post(f"{WEB}/{path}", {})
            assert (answer.status_code, answer.json()["type"]) == (507, "/problems/page-limit")
        assert caller.service.registry.nr_pages == size


def test_fork_that_the_policy_cannot_hold(caller: Caller) -> None:
    """Half of a chunk is plugged: a kernel with sub-blocks of a chunk cannot have that, and says so."""
    make_guest(caller, devices=[{"size": "1GiB", "requested_size": 512 * MIB + 2 * MIB}])
    answer = caller.post(f"{WEB}/fork", {"policy": "linux-5.15"})
    assert answer.status_code == 409, answer.text
    assert list(caller.digests()) == ["web"]


def test_body_may_be_left_out_where_all_of_it_may(caller: Caller) -> None:
    """A snapshot, a fork and a driver that is loaded need nobody to name anything."""
    make_guest(caller)
    assert caller.call("POST", f"{WEB}/snapshot").json()["id"] == "snapshot-1"
    assert caller.call("POST", f"{WEB}/fork").status_code == 201
    device = {"size": "1GiB", "driver": {"is_loaded": False}}
    caller.make_guest(name="late", devices=[device])
    assert caller.call("POST", "/v1/guests/late/virtio-mem/vm0/driver/load").status_code == 200
