"""Workloads and metrics over HTTP: played, shown as they may be sent again, refused by the place of what is wrong."""

import pytest

from app.api.schemas.workloads import Workload, WorkloadIn
from tests.api.caller import Caller

PATH = "/v1/guests/web/workload"
GROW = {"do": "grow", "label": "heap", "by": "64MiB", "seconds": 10}


@pytest.fixture(autouse=True)
def _guest(caller: Caller) -> None:
    caller.make_guest(name="web", devices=[{"size": "1GiB"}])


def advance(caller: Caller, seconds: float) -> None:
    """Lets time pass in the guest."""
    assert caller.post("/v1/guests/web/clock/advance", {"seconds": seconds}).status_code == 200


def test_workload_is_shown_as_it_may_be_sent_again(caller: Caller) -> None:
    """What GET shows of the script can be PUT; DELETE ends it, and what it allocated stays."""
    answer = caller.call("PUT", PATH, json={"phases": [GROW], "repeat": True, "tick_ms": 500, "seed": 3})
    assert answer.status_code == 200
    advance(caller, 5)
    shown = caller.get(PATH).json()
    Workload.model_validate(shown, strict=True)
    assert (shown["state"], shown["progress"]) == ("running", [{"state": "running", "elapsed_us": 5_000_000}])
    again = {name: shown[name] for name in WorkloadIn.model_fields}
    assert caller.call("PUT", PATH, json=again).json()["phases"] == shown["phases"]
    assert caller.call("DELETE", PATH).status_code == 204
    assert caller.get(PATH).json()["state"] == "none"
    advance(caller, 60)
    [row] = caller.get("/v1/guests/web").json()["allocations"]
    assert (row["label"], row["nr_pages"]) == ("heap", 2**25 // 4096)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "phases"),
        ({"phases": []}, "phases"),
        ({"phases": [{**GROW, "rate": -1, "seconds": None}]}, "phases[0].rate"),
        ({"phases": [{"do": "churn", "labels": ["nobody"], "fraction": 0.1}]}, "phases[0].label"),
        ({"phases": [GROW], "tick_ms": 1}, "tick_ms"),
        ({"phases": [GROW], "loop": True}, "loop"),
        ({"phases": [GROW, {"do": "hold", "seconds": 1e12}]}, "phases[1].seconds"),
    ],
)
def test_wrong_values_are_refused_and_nothing_changes(caller: Caller, body: object, field: str) -> None:
    """Each is named; the script that plays goes on."""
    caller.call("PUT", PATH, json={"phases": [GROW]})
    answer = caller.call("PUT", PATH, json=body)
    assert answer.status_code == 422
    assert field in answer.text
    assert caller.get(PATH).json()["state"] == "running"


def test_guest_may_be_made_with_phases(caller: Caller) -> None:
    """A list of phases, or a whole script, begins with the guest; a label may be the first workload's."""
    churn = {"do": "churn", "labels": ["anon"], "fraction": 0.1}
    made = caller.make_guest(name="a", workload="idle", phases=[churn])
    assert made["name"] == "a"
    assert caller.get("/v1/guests/a/workload").json()["phases"] == [churn]
    caller.make_guest(name="b", phases={"phases": [GROW], "repeat": True})
    assert caller.get("/v1/guests/b/workload").json()["repeat"] is True
    body = {"name": "c", "boot_size": "512MiB", "phases": [churn]}
    answer = caller.post("/v1/guests", body)
    assert (answer.status_code, answer.json()["field"]) == (422, "phases[0].label")


def test_pressure_kill_and_recovery_are_seen_from_outside(caller: Caller) -> None:
    """A leak eats the page cache and is killed; with more memory it lives: as /proc and metrics tell."""
    cache = {"do": "grow", "label": "cache", "kind": "file", "by": "300MiB", "seconds": 5}
    leak = {"do": "leak", "label": "leak", "rate": "20MiB", "restart": True}
    caller.call("PUT", PATH, json={"phases": [cache, leak]})
    advance(caller, 5)
    assert "host_memory_cached_bytes 314572800\n" in caller.get("/v1/guests/web/metrics").text
    advance(caller, 30)
    assert caller.get(PATH).json()["oom_kills"] == 1
    assert "(leak) total-vm:" in caller.get("/v1/guests/web/proc/kmsg").text
    assert "total=0" not in caller.get("/v1/guests/web/proc/pressure/memory").text.splitlines()[0]
    assert float(caller.get("/v1/guests/web/proc/loadavg").text.split()[0]) > 0.3
    caller.call("PATCH", "/v1/guests/web/virtio-mem/vm0", json={"requested_size": "1GiB"})
    advance(caller, 40)
    assert caller.get(PATH).json()["oom_kills"] == 1
    assert caller.post("/v1/guests/web/verify").json() == {"violations": []}


def test_metrics_are_what_prometheus_reads(caller: Caller) -> None:
    """The media type says so, and the five numbers of an autoscaler are there."""
    answer = caller.get("/v1/guests/web/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    names = {line.split()[0] for line in answer.text.splitlines() if not line.startswith("#")}
    assert {
        "host_memory_total_bytes",
        "host_memory_available_bytes",
        "host_memory_cached_bytes",
        "host_load1",
        "host_load5",
    } <= names


def test_dead_guest_takes_no_workload(caller: Caller) -> None:
    """Kernel memory took all: 409 with the reason, and the metrics of the dead can still be read."""
    slab = {"do": "leak", "label": "slab", "kind": "slab", "rate": "1GiB"}
    caller.call("PUT", PATH, json={"phases": [slab]})
    advance(caller, 10)
    answer = caller.call("PUT", PATH, json={"phases": [GROW]})
    assert answer.status_code == 409
    assert "Out of memory and no killable processes" in answer.json()["detail"]
    assert caller.get("/v1/guests/web/metrics").status_code == 200


def test_reboot_wakes_the_dead_and_begins_the_script_anew(caller: Caller) -> None:
    """Its log and counters are empty, its phases at their start; events tell of death and reboot."""
    slab = {"do": "leak", "label": "slab", "kind": "slab", "rate": "100MiB"}
    heap = {"do": "grow", "label": "heap", "by": "100MiB", "seconds": 0}
    caller.call("PUT", PATH, json={"phases": [heap, slab]})
    advance(caller, 30)
    assert "Kernel panic" in caller.get("/v1/guests/web/proc/kmsg").text
    assert caller.post("/v1/guests/web/reboot", {"kind": "system_reset"}).status_code == 200
    assert caller.get("/v1/guests/web/proc/kmsg").text == ""
    assert caller.get(PATH).json()["oom_kills"] == 0
    advance(caller, 5)
    shown = caller.get(PATH).json()
    assert [phase["state"] for phase in shown["progress"]] == ["done", "running"]
    events = caller.get("/v1/guests/web/events?after=0&follow=false").text
    names = ["event: oom_killed", "event: condition_changed", "event: guest_rebooted"]
    assert [events.index(name) for name in names] == sorted(events.index(name) for name in names)
