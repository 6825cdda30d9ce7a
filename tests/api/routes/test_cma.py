"""CMA areas over HTTP: made with the guest, shown, taken from, released; refusals change nothing."""

import pytest

from app.api.schemas.cma import CmaAreas, CmaOutcome, CmaReleased
from tests.api.caller import Caller

AREAS = "/v1/guests/web/cma-areas"
ALLOCATIONS = f"{AREAS}/dma/allocations"
MIB = 2**20
BASE = 256 * MIB // 4096


@pytest.fixture(autouse=True)
def _guest(caller: Caller) -> None:
    caller.make_guest(name="web", cma_areas=[{"name": "dma", "size": "8MiB", "base": "256MiB"}])


def test_areas_are_shown_by_the_guest_too(caller: Caller) -> None:
    """The same rows in both answers; CmaTotal is their sum."""
    shown = CmaAreas.model_validate(caller.get(AREAS).json(), strict=True)
    assert [(area.name, area.base, area.size, area.used) for area in shown.cma_areas] == [
        ("dma", 256 * MIB, 8 * MIB, 0)
    ]
    assert caller.get("/v1/guests/web").json()["cma_areas"] == caller.get(AREAS).json()["cma_areas"]
    assert "CmaTotal:           8192 kB" in caller.get("/v1/guests/web/proc/meminfo").text


def test_pages_are_taken_and_released(caller: Caller) -> None:
    """The answer tells where, and after how many calls; release gives all of it back."""
    answer = caller.post(ALLOCATIONS, {"size": "2MiB", "align_order": 9})
    outcome = CmaOutcome.model_validate(answer.json(), strict=True)
    assert (answer.status_code, outcome.result, outcome.pfn, outcome.calls) == (200, "0", BASE, 1)
    assert caller.get(AREAS).json()["cma_areas"][0]["allocations"] == [{"pfn": BASE, "nr_pages": 512}]
    released = caller.call("DELETE", f"{ALLOCATIONS}/{BASE}")
    assert CmaReleased.model_validate(released.json(), strict=True).freed_pages == 512
    assert caller.call("DELETE", f"{ALLOCATIONS}/{BASE}").status_code == 404
    assert caller.post("/v1/guests/web/verify").json()["violations"] == []


def test_busy_and_full_areas_are_normal_answers(caller: Caller) -> None:
    """EBUSY with the page in the way, ENOMEM without a call; the status is 200."""
    caller.post("/v1/guests/web/allocations", {"kind": "pinned", "at_pfns": [BASE + 1024]})
    busy = caller.post(ALLOCATIONS, {"nr_pages": 2048})
    outcome = CmaOutcome.model_validate(busy.json(), strict=True)
    assert (busy.status_code, outcome.result, outcome.pfn, outcome.calls) == (200, "EBUSY", None, 1)
    assert outcome.obstacle is not None
    assert outcome.obstacle.pfn == BASE + 1024
    full = caller.post(ALLOCATIONS, {"nr_pages": 4096}).json()
    assert (full["result"], full["calls"]) == ("ENOMEM", 0)


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        (ALLOCATIONS, {}, 422, "nr_pages"),
        (ALLOCATIONS, {"nr_pages": 1, "size": 4096}, 422, "nr_pages"),
        (ALLOCATIONS, {"nr_pages": 0}, 422, "nr_pages"),
        (ALLOCATIONS, {"size": 4097}, 422, "size"),
        (ALLOCATIONS, {"nr_pages": 1, "align_order": 31}, 422, "align_order"),
        (f"{AREAS}/gpu/allocations", {"nr_pages": 1}, 404, "CMA area"),
        ("/v1/guests/no/cma-areas/dma/allocations", {"nr_pages": 1}, 404, "guest"),
    ],
)
def test_call_that_cannot_be_changes_nothing(
    caller: Caller, path: str, body: dict[str, object], status: int, field: str
) -> None:
    """Wrong amounts are 422 by name, what is not there is 404."""
    before = caller.digests()
    answer = caller.post(path, body)
    assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text
    assert caller.digests() == before


@pytest.mark.parametrize(
    ("area", "field"),
    [
        ({"name": "a", "size": "3MiB"}, "cma_areas[0].size"),
        ({"name": "a", "size": "2MiB", "base": "1MiB"}, "cma_areas[0].base"),
        ({"name": "a", "size": "2MiB", "base": 0}, "cma_areas[0].base"),
        ({"name": "a", "size": "4GiB"}, "cma_areas[0].size"),
        ({"name": "A", "size": "2MiB"}, "cma_areas[0].name"),
        ({"name": "a", "size": "2MiB", "order_per_bit": 10}, "cma_areas[0].order_per_bit"),
        ({"name": "a"}, "cma_areas[0].size"),
    ],
)
def test_guest_with_an_area_that_cannot_be_is_not_made(
    caller: Caller, area: dict[str, object], field: str
) -> None:
    """C-7: the alignment law is told with its numbers, and there is no guest."""
    before = caller.digests()
    answer = caller.post("/v1/guests", {"name": "new", "boot_size": "512MiB", "cma_areas": [area]})
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert caller.digests() == before


def test_policy_decides_which_areas_can_be(caller: Caller) -> None:
    """S32: half a chunk is an area from 5.19 on, and none before."""
    for policy, status in (("linux-5.15", 422), ("linux-5.19", 201)):
        body = {"boot_size": "512MiB", "policy": policy, "cma_areas": [{"name": "a", "size": "2MiB"}]}
        assert caller.post("/v1/guests", body).status_code == status
