"""/v1/compare: many kernels from one guest or one capture, in every shape; refusals by name; nothing kept."""

import csv
import io
from typing import Any

import pytest
from PIL import Image

from app.api.routes.compare import CAPTURE_PATH
from app.api.schemas.compare import Comparison
from app.operations.comparing import DEFAULT_POLICIES
from app.settings import Settings
from app.units import GIB, MIB
from tests.api.caller import Caller
from tests.guest.capture_files import Run, capture_file

COMPARE = "/v1/compare"
BUDDY, RESERVED = 1 << 10, 1 << 32
# 256 MiB: a memory block that the kernel uses in part, and one that is free: the device's.
RUNS = [Run(1024, RESERVED, 0), Run(31744, BUDDY, 0), Run(32768, BUDDY, 0)]
CAPTURE = capture_file(
    RUNS,
    texts={
        "proc/buddyinfo": f"Node 0, zone   Normal {'0 ' * 10} 63 \n",
        "proc/iomem": "00000000-0fffffff : System RAM\n",
    },
)


def make_guest(caller: Caller, **changes: object) -> None:
    """A guest with something to move, and something that cannot."""
    caller.make_guest(
        **{
            "name": "web",
            "online": "online_kernel",
            "devices": [{"size": "1GiB", "requested_size": "512MiB"}],
            "workload": "busy",
        }
        | changes
    )


def test_compare_runs_the_seven_labels_and_changes_nothing(caller: Caller) -> None:
    """Every default policy has a row with its outcome; the guest is as it was, and no page stays held."""
    make_guest(caller)
    before, nr_pages = caller.digests(), caller.service.registry.nr_pages
    answer = caller.post(COMPARE, {"guest": "web", "requested_size": 0})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    told = Comparison.model_validate(answer.json(), strict=True)
    assert (told.start.guest, told.device, told.size_before) == ("web", "vm0", 512 * MIB)
    assert [row.policy for row in told.rows] == list(DEFAULT_POLICIES)
    for row in told.rows:
        assert row.outcome is not None, row.refusal
        assert row.outcome.size + row.outcome.achieved == 512 * MIB
    assert caller.digests() == before
    assert caller.service.registry.nr_pages == nr_pages


def test_compare_row_is_what_the_guest_then_does(caller: Caller) -> None:
    """The row of the guest's own policy and levels is the outcome of its real unplug."""
    make_guest(caller, policy="linux-6.17", fallback=["memory_block", "chunk", "pageblock"])
    body = {
        "guest": "web",
        "device": "vm0",
        "unplug": "300MiB",
        "policies": ["linux-6.17"],
        "fallbacks": [["memory_block", "chunk", "pageblock"]],
    }
    [row] = caller.post(COMPARE, body).json()["rows"]
    real = caller.post("/v1/guests/web/virtio-mem/vm0/unplug?wait=30", {"size": "300MiB"}).json()
    assert (real["state"], row["outcome"]) == ("partial", real["outcome"])


def test_compare_answers_in_every_shape(caller: Caller) -> None:
    """JSON, a table, CSV and a picture tell the same rows."""
    make_guest(caller)
    body = {"guest": "web", "requested_size": 0, "policies": ["linux-5.15", "linux-6.17"]}
    answers = {
        shape: caller.post(COMPARE, body, headers={"accept": shape})
        for shape in ("text/plain", "text/csv", "image/png")
    }
    for shape, answer in answers.items():
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].split(";")[0] == shape
    assert "linux-6.17" in answers["text/plain"].text
    rows = list(csv.DictReader(io.StringIO(answers["text/csv"].text)))
    assert [row["policy"] for row in rows] == ["linux-5.15", "linux-6.17"]
    assert Image.open(io.BytesIO(answers["image/png"].content)).format == "PNG"
    refused = caller.post(COMPARE, body, headers={"accept": "text/html"})
    assert (refused.status_code, refused.json()["type"]) == (406, "/problems/not-acceptable")


def test_compare_refuses_only_the_row_that_cannot_be(caller: Caller) -> None:
    """A part of a chunk is plugged: kernels whose sub-block is a chunk cannot have this guest."""
    make_guest(caller, devices=[{"size": "1GiB", "requested_size": "6MiB"}], workload=None)
    body = {"guest": "web", "requested_size": 0, "policies": ["linux-5.15", "linux-6.17"]}
    old, new = caller.post(COMPARE, body).json()["rows"]
    assert (old["outcome"], new["refusal"]) == (None, None)
    assert "a sub-block of 4 MiB" in old["refusal"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"guest": "nobody"}, "guest"),
    ({"device": "vm9"}, "device"),
    ({"requested_size": 3}, "requested_size"),
    ({"requested_size": "2GiB"}, "requested_size"),
    ({"requested_size": None}, "requested_size"),
    ({"unplug": "2MiB"}, "requested_size"),
    ({"requested_size": None, "unplug": "1TiB"}, "size"),
    ({"policies": []}, "policies"),
    ({"policies": ["linux-5.19"] * 65}, "policies"),
    ({"policies": ["linux-5.19"] * 33, "fallbacks": [["pageblock"]] * 2}, "policies"),
    ({"policies": ["linux-6.17", "linux-2.4"]}, "policies[1]"),
    ({"policies": ["linux-5.19+cma_lock=red"]}, "policies[0].policy.cma_lock"),
    ({"policies": ["linux-5.15+cma_align=pageblock"]}, "policies[0].policy.cma_align"),
    ({"fallbacks": [["chunk", "memory_block"]]}, "fallbacks[0]"),
    ({"fallbacks": [["page"]]}, "fallbacks[0][0]"),
    ({"colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("changes", "field"), WRONG)
def test_compare_of_what_cannot_be_names_the_place(
    caller: Caller, changes: dict[str, Any], field: str
) -> None:
    """422 with the field, and what would be accepted; nothing is run, nothing held."""
    make_guest(caller, workload=None)
    nr_pages = caller.service.registry.nr_pages
    body = {"guest": "web", "requested_size": 0} | changes
    answer = caller.post(COMPARE, {name: value for name, value in body.items() if value is not None})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-value"), answer.text
    assert answer.json()["field"] == field
    assert answer.json()["accepted"]
    assert caller.service.registry.nr_pages == nr_pages


def test_compare_of_a_scenario_answers_in_every_shape(caller: Caller) -> None:
    """Its cases under two policies: as JSON, and in the shapes for people."""
    body = {"scenario": "S08", "policies": ["rfc-v1", "linux-6.17"]}
    told = Comparison.model_validate(caller.post(COMPARE, body).json(), strict=True)
    assert (told.start.scenario, told.device) == ("S08", None)
    assert {row.policy for row in told.rows} == {"rfc-v1", "linux-6.17"}
    assert all((row.played is None) != (row.refusal is None) for row in told.rows)
    for shape, begin in (("text/plain", b"scenario S08"), ("text/csv", b"case,"), ("image/png", b"\x89PNG")):
        answer = caller.post(COMPARE, body, headers={"accept": shape})
        assert (answer.status_code, answer.content.startswith(begin)) == (200, True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "guest"),
        ({"guest": "web", "scenario": "S08"}, "guest"),
        ({"scenario": "S99"}, "scenario"),
        ({"scenario": "S08", "requested_size": 0}, "requested_size"),
        ({"scenario": "S08", "device": "vm0"}, "device"),
        ({"scenario": "S08", "fallbacks": [["pageblock"]]}, "fallbacks"),
    ],
)
def test_compare_of_no_start_or_two_is_refused(caller: Caller, body: dict[str, Any], field: str) -> None:
    """A guest or a scenario, and nothing that only a guest could be asked."""
    answer = caller.post(COMPARE, body)
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text


def test_compare_of_64_rows_is_the_most() -> None:
    """The limit of rows is what it says."""
    with Caller.serving() as caller:
        make_guest(caller, workload=None)
        body = {
            "guest": "web",
            "requested_size": 0,
            "policies": ["linux-5.19", "linux-6.17"] * 16,
            "fallbacks": [["pageblock"], ["memory_block", "pageblock"]],
        }
        assert len(caller.post(COMPARE, body).json()["rows"]) == 64


def test_compare_counts_its_copies_as_pages() -> None:
    """A guest that fits three times less one page can be compared no more."""
    nr_pages = 5 * GIB // 4096
    for most, status in ((3 * nr_pages - 1, 507), (3 * nr_pages, 200)):
        with Caller.serving(Settings(max_total_pages=most)) as caller:
            make_guest(caller, workload=None)
            answer = caller.post(COMPARE, {"guest": "web", "requested_size": 0, "policies": ["linux-5.19"]})
            assert answer.status_code == status, answer.text
            assert caller.service.registry.nr_pages == nr_pages


def test_compare_capture_loads_once_and_keeps_nothing(caller: Caller) -> None:
    """A capture as the body, what is asked in the query; no guest is there afterwards."""
    query = {
        "memory": "above:8000000",
        "requested_size": 0,
        "policies": ["linux-5.19", "linux-6.17"],
        "fallbacks": ["memory_block,pageblock", "memory_block,chunk,pageblock"],
    }
    answer = caller.call("POST", CAPTURE_PATH, content=CAPTURE, params=query)
    assert answer.status_code == 200, answer.text
    told = Comparison.model_validate(answer.json(), strict=True)
    assert (told.start.kernel_release, told.size_before) == ("6.1.0-test", 128 * MIB)
    assert [(row.policy, len(row.fallback or ())) for row in told.rows] == [
        ("linux-5.19", 2),
        ("linux-5.19", 3),
        ("linux-6.17", 2),
        ("linux-6.17", 3),
    ]
    assert caller.get("/v1/guests").json() == {"guests": []}
    assert caller.service.registry.nr_pages == 0
    picture = caller.call(
        "POST", CAPTURE_PATH, content=CAPTURE, params=query, headers={"accept": "image/png"}
    )
    assert picture.content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"memory": "moon"}, "device"),
        ({"device": "vm7"}, "device"),
        ({"policies": "linux-2.4"}, "policies[0]"),
        ({"fallbacks": "chunk;pageblock"}, "fallbacks[0]"),
        ({"unplug": 0}, "requested_size"),
        ({"name": "web"}, "name"),
    ],
)
def test_compare_capture_with_a_wrong_option_names_it(
    caller: Caller, query: dict[str, object], field: str
) -> None:
    """Options are checked like fields of a body; a guest that is not kept has no name."""
    sound = {"requested_size": 0}
    answer = caller.call("POST", CAPTURE_PATH, content=CAPTURE, params=sound | query)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-value"), answer.text
    assert answer.json()["field"] == field


def test_compare_broken_capture_is_refused(caller: Caller) -> None:
    """As an import refuses it."""
    answer = caller.call("POST", CAPTURE_PATH, content=CAPTURE[:-10], params={"requested_size": 0})
    assert (answer.status_code, answer.json()["field"]) == (422, "capture")
