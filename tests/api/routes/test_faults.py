"""/v1/guests/{guest}/faults: every kind strikes, and leaves a sound guest; wrong rules change nothing."""

import pytest

from app.api.schemas.faults import Fault, FaultKinds, Faults
from app.operations.faulting import FaultKind
from tests.api.caller import JSON, Caller

MIB = 2**20
GUEST = "/v1/guests/web"
DEVICE = f"{GUEST}/virtio-mem/vm0"
FAULTS = f"{GUEST}/faults"
HOUR_US = 3600 * 1_000_000

# Kind -> the rule, targets before and after it is added, and what is seen then: MiB plugged, the driver's state, the
# guest's; and MiB an hour later.
CASES: dict[str, tuple[dict[str, object], tuple[int, int], tuple[int, str, str], int]] = {
    "device_busy": (
        {"match": {"request": "plug"}, "count": 1},
        (0, 512),
        (0, "waiting_retry", "running"),
        512,
    ),
    "device_nack": (
        {"match": {"request": "unplug"}, "count": 1},
        (512, 0),
        (512, "waiting_retry", "running"),
        0,
    ),
    "device_error": ({"match": {"request": "unplug"}, "skip": 1}, (512, 0), (384, "broken", "running"), 384),
    "device_slow": ({"delay_us": 250_000}, (0, 512), (512, "idle", "running"), 512),
    "notification_lost": ({"count": 1}, (0, 512), (0, "idle", "running"), 0),
    "driver_absent": ({"duration_us": 60_000_000}, (0, 512), (0, "idle", "running"), 512),
    "driver_broken": ({}, (256, 512), (256, "broken", "running"), 256),
    "contig_busy": (
        {"match": {"level": "memory_block"}},
        (512, 0),
        (0, "idle", "running"),
        0,
    ),
    "contig_nomem": ({"count": 1}, (512, 0), (512, "waiting_retry", "running"), 0),
    "migration_fails": ({"fraction": 0.5}, (512, 0), (-1, "waiting_retry", "running"), -1),
    "add_memory_nomem": ({"count": 1}, (0, 512), (0, "waiting_retry", "running"), 512),
    "guest_hung": (
        {"duration_us": 60_000_000, "match": {"request": "plug"}, "count": 1},
        (0, 512),
        (512, "idle", "running"),
        512,
    ),
    "guest_crash": (
        {"match": {"request": "unplug"}, "skip": 1, "count": 1, "reboot_after_us": 60_000_000},
        (512, 0),
        (256, "idle", "crashed"),
        0,
    ),
    "guest_slow": ({"factor": 100}, (0, 512), (512, "idle", "running"), 512),
}


def _resize(caller: Caller, mib: int) -> None:
    answer = caller.call("PATCH", f"{DEVICE}?wait=10", json={"requested_size": mib * MIB})
    assert answer.status_code in {200, 202}, answer.text


def _sight(caller: Caller) -> tuple[int, str, str]:
    guest = caller.get(GUEST).json()
    (device,) = guest["devices"]
    return device["size"] // MIB, device["driver"]["state"], guest["condition"]["state"]


def _failures(caller: Caller) -> list[JSON]:
    violations = caller.post(f"{GUEST}/verify").json()["violations"]
    return [row for row in violations if row["weight"] == "failure"]


def _add(caller: Caller, **rule: object) -> JSON:
    answer = caller.post(FAULTS, rule)
    assert answer.status_code == 201, answer.text
    fault = answer.json()
    assert answer.headers["location"] == f"{FAULTS}/{fault['id']}"
    Fault.model_validate(fault, strict=True)
    return fault


def test_every_kind_has_its_case() -> None:
    """Whoever adds a kind shows it here."""
    assert set(CASES) == set(FaultKind)


@pytest.mark.parametrize("kind", CASES)
def test_fault_of_each_kind_strikes_and_leaves_a_sound_guest(caller: Caller, kind: str) -> None:
    """What device, driver and guest are at after the fault, and an hour later; no invariant is broken by either."""
    rule, (before, after), (size, driver, condition), later = CASES[kind]
    caller.make_guest(name="web")
    _resize(caller, before)
    caller.post(f"{GUEST}/allocations", {"kind": "anon", "size": "400MiB"})
    fault = _add(caller, kind=kind, **rule)
    assert fault["warnings"] == []
    _resize(caller, after)
    seen = _sight(caller)
    assert seen[1:] == (driver, condition)
    assert seen[0] == size or (size < 0 and after < seen[0] <= before)
    assert _failures(caller) == []
    advanced = caller.post(f"{GUEST}/clock/advance", {"duration_us": HOUR_US})
    assert advanced.status_code == 200, advanced.text
    assert _sight(caller)[0] == later or later < 0
    assert _sight(caller)[2] == "running"
    assert _failures(caller) == []
    shown = caller.get(f"{FAULTS}/{fault['id']}").json()
    assert shown["hits"] >= 1 or kind == "guest_slow"
    assert caller.call("DELETE", f"{FAULTS}/{fault['id']}").status_code == 204
    assert caller.get(FAULTS).json() == {"faults": []}


def test_faults_are_listed_shown_changed_and_removed(caller: Caller) -> None:
    """A rule is as it was said, with its counters; a change keeps what it does not say."""
    caller.make_guest(name="web")
    first = _add(caller, kind="device_busy", match={"request": "plug", "start_addr": "4GiB"}, count=2, seed=7)
    _add(caller, kind="guest_slow", factor=2)
    listed = caller.get(FAULTS).json()
    Faults.model_validate(listed, strict=True)
    assert [row["kind"] for row in listed["faults"]] == ["device_busy", "guest_slow"]
    assert listed["faults"][0] == first
    changed = caller.call("PATCH", f"{FAULTS}/1", json={"skip": 3, "count": None, "match": {}}).json()
    assert changed == first | {"skip": 3, "count": None, "match": {}}
    assert caller.call("DELETE", f"{FAULTS}/1").status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        answer = caller.call(method, f"{FAULTS}/1", json={} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()["known"]) == (404, ["2"])


def test_kinds_are_told_with_their_members(caller: Caller) -> None:
    """GET /v1/fault-kinds has a row for each kind, with what its rules may say."""
    answer = caller.get("/v1/fault-kinds").json()
    kinds = FaultKinds.model_validate(answer, strict=True).kinds
    assert {row.kind for row in kinds} == set(FaultKind)
    assert all(row.about and row.members for row in kinds)


def test_rule_that_can_match_nothing_is_added_with_warnings(caller: Caller) -> None:
    """201, and a sentence that says why it will never strike."""
    caller.make_guest(name="web")
    fault = _add(caller, kind="device_busy", match={"device": "vm9", "end_addr": 4096})
    assert fault["warnings"] == ["no device is named 'vm9'; there are: vm0"]
    assert len(_add(caller, kind="contig_busy", match={"level": "section"})["warnings"]) == 1


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({}, "kind"),
        ({"kind": "meteor"}, "kind"),
        ({"kind": "device_busy", "chance": 0.5}, "chance"),
        ({"kind": "device_busy", "factor": 2}, "factor"),
        ({"kind": "guest_slow"}, "factor"),
        ({"kind": "device_busy", "probability": 2}, "probability"),
        ({"kind": "device_busy", "probability": "often"}, "probability"),
        ({"kind": "device_busy", "count": -1}, "count"),
        ({"kind": "device_busy", "count": True}, "count"),
        ({"kind": "device_busy", "match": {"request": "state"}}, "match.request"),
        ({"kind": "device_busy", "match": {"level": "chunk"}}, "match.level"),
        ({"kind": "device_busy", "match": {"start_addr": "2GiB", "end_addr": "1GiB"}}, "match.end_addr"),
        ({"kind": "guest_hung", "duration_us": 0}, "duration_us"),
        ({"kind": "guest_crash", "after_us": 10**18}, "after_us"),
        ({"kind": "guest_crash", "probability": 0.5}, "probability"),
    ],
)
def test_wrong_rule_is_refused_and_changes_nothing(
    caller: Caller, rule: dict[str, object], field: str
) -> None:
    """422 by the name of the wrong value, with what would do; the digests are as before."""
    caller.make_guest(name="web")
    _add(caller, kind="device_busy")
    before = caller.digests()
    for method, path in (("POST", FAULTS), ("PATCH", f"{FAULTS}/1")):
        if method == "PATCH" and field in {"kind", "factor"}:
            continue
        body = rule if method == "POST" else {key: value for key, value in rule.items() if key != "kind"}
        if method == "PATCH" and rule["kind"] != "device_busy":
            continue
        answer = caller.call(method, path, json=body)
        assert (answer.status_code, answer.json().get("field")) == (422, field), answer.text
        assert "accepted" in answer.json()
    assert caller.digests() == before


def test_calls_on_a_dead_guest_are_refused_with_the_reason(caller: Caller) -> None:
    """409 with reason, time and remedy for host and programs alike; looking is allowed; a reset brings it back."""
    caller.make_guest(name="web")
    _add(caller, kind="guest_crash", reason="BUG: soft lockup")
    before = caller.digests()
    calls = [
        ("PATCH", DEVICE, {"requested_size": 0}),
        ("POST", f"{DEVICE}/plug", {"size": "128MiB"}),
        ("POST", f"{GUEST}/allocations", {"kind": "anon", "nr_pages": 1}),
        ("POST", f"{GUEST}/alloc-contig-range", {"start_pfn": 0, "end_pfn": 512}),
        ("PUT", f"{GUEST}/workload", {"phases": [{"do": "hold", "seconds": 1}]}),
    ]
    for method, path, body in calls:
        answer = caller.call(method, path, json=body)
        problem = answer.json()
        assert (answer.status_code, problem["type"]) == (409, "/problems/guest-crashed"), (path, answer.text)
        assert (problem["reason"], problem["since_us"], problem["remedy"]) == (
            "BUG: soft lockup",
            0,
            "reboot it",
        )
    assert caller.digests() == before
    assert _sight(caller)[2] == "crashed"
    assert caller.post(f"{GUEST}/reboot", {"kind": "system_reset"}).status_code in {200, 202, 204}
    assert _sight(caller)[2] == "running"
    assert caller.post(f"{GUEST}/allocations", {"kind": "anon", "nr_pages": 1}).status_code == 201


def test_hung_guest_takes_its_target_and_refuses_its_programs(caller: Caller) -> None:
    """The host's PATCH is taken, nothing happens; programs get 409; removing the rule lets everything happen."""
    caller.make_guest(name="web")
    _add(caller, kind="guest_hung")
    _resize(caller, 512)
    assert _sight(caller) == (0, "working", "hung")
    answer = caller.post(f"{GUEST}/allocations", {"kind": "anon", "nr_pages": 1})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/guest-hung")
    assert _failures(caller) == []
    caller.call("DELETE", f"{FAULTS}/1")
    assert _sight(caller) == (512, "idle", "running")


def test_fault_of_unknown_guest_is_404(caller: Caller) -> None:
    """A guest that is not there has no faults."""
    for method in ("GET", "POST"):
        answer = caller.call(method, FAULTS, json={"kind": "device_busy"} if method == "POST" else None)
        assert answer.status_code == 404


def test_operation_under_way_ends_in_part_when_the_guest_dies(caller: Caller) -> None:
    """What was taken before counts; the reason is the guest's; another target is refused."""
    caller.make_guest(
        name="web", devices=[{"size": "1GiB", "requested_size": "1GiB"}], clock={"mode": "manual"}
    )
    _add(caller, kind="guest_crash", match={"request": "unplug"}, skip=2, count=1, reason="kernel panic")
    begun = caller.call("PATCH", DEVICE, json={"requested_size": 0})
    assert begun.status_code == 202, begun.text
    assert begun.json()["state"] == "running"
    caller.post(f"{GUEST}/clock/advance", {"seconds": 5})
    ended = caller.get(f"/v1/operations/{begun.json()['id']}").json()
    assert (ended["state"], ended["is_over"], ended["achieved"]) == ("partial", True, 384 * MIB)
    assert "the guest crashed: kernel panic" in ended["reason"]
    assert caller.call("PATCH", DEVICE, json={"requested_size": 0}).status_code == 409
    assert _failures(caller) == []


def test_polling_client_waits_for_ever_while_the_fault_is_told(caller: Caller) -> None:
    """A lost notification: `size` never becomes `requested_size`; the rule says that it struck."""
    caller.make_guest(name="web")
    fault = _add(caller, kind="notification_lost", count=1)
    _resize(caller, 512)
    for _ in range(3):
        caller.post(f"{GUEST}/clock/advance", {"seconds": 3600})
        device = caller.get(DEVICE).json()
        assert (device["size"], device["requested_size"]) == (0, 512 * MIB)
    assert caller.get(f"{FAULTS}/{fault['id']}").json()["hits"] == 1
