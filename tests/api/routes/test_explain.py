"""/explain and /forecast: reasons and answers that hold, pages by cursor, a picture; and nothing has changed."""

import io

import pytest
from PIL import Image

from app.api.schemas.explain import Explanation
from app.api.schemas.forecast import Forecast
from app.settings import Settings
from app.units import GIB, MIB
from tests.api.caller import Caller
from tests.guest.explained import pfn_of

WEB = "/v1/guests/web/virtio-mem/vm0"


def make_guest(caller: Caller) -> None:
    """A guest with 1 GiB plugged, of which three sub-blocks have a pinned page."""
    caller.make_guest(
        name="web",
        boot_size="1GiB",
        online="online_movable",
        devices=[{"size": "1GiB", "requested_size": "1GiB"}],
    )
    pfns = [pfn_of(100), pfn_of(101), pfn_of(300)]
    answer = caller.post("/v1/guests/web/allocations", {"kind": "pinned", "at_pfns": pfns, "label": "dpdk"})
    assert answer.status_code == 201, answer.text


def test_explain_tells_what_could_be_had_and_what_stays(caller: Caller) -> None:
    """The sums, the group with its gain, no pages unless they are asked for; the guest is as it was."""
    make_guest(caller)
    before, nr_pages = caller.digests(), caller.service.registry.nr_pages
    answer = caller.get(f"{WEB}/explain?target=0")
    assert answer.status_code == 200, answer.text
    told = Explanation.model_validate(answer.json(), strict=True)
    assert (told.above_target, told.obtainable, told.stays) == (GIB, GIB - 6 * MIB, 6 * MIB)
    (group,) = told.groups
    assert group.owner is not None
    assert (group.owner.label, group.count, group.remedy.action) == ("dpdk", 3, "unpin")
    assert group.largest_gain is not None
    assert (group.largest_gain.bytes, group.largest_gain.obstacle_pages) == (4 * MIB, 2)
    assert (told.pages, told.nr_pages) == ([], 3)
    assert caller.digests() == before
    assert caller.service.registry.nr_pages == nr_pages


def test_explain_takes_the_present_target(caller: Caller) -> None:
    """Without a target, the requested size counts; the retry timer is told."""
    make_guest(caller)
    told = Explanation.model_validate(caller.get(f"{WEB}/explain").json(), strict=True)
    assert (told.target, told.above_target, told.retry) == (GIB, 0, None)
    caller.call("PATCH", f"{WEB}?wait=10", json={"requested_size": 0})
    told = Explanation.model_validate(caller.get(f"{WEB}/explain").json(), strict=True)
    assert (told.target, told.stays) == (0, 6 * MIB)
    assert told.retry is not None
    assert (told.retry.interval_ms, told.retry.next_interval_ms) == (50_000, 100_000)


def test_explain_pages_by_cursor(caller: Caller) -> None:
    """Pages come in windows, with a cursor that ends."""
    make_guest(caller)
    pfns, cursor = [], 0
    for _ in range(2):
        told = Explanation.model_validate(
            caller.get(f"{WEB}/explain?target=0&pages=true&limit=2&cursor={cursor}").json(), strict=True
        )
        pfns += [page.pfn for page in told.pages]
        cursor = told.next_cursor or -1
    assert (pfns, cursor) == ([pfn_of(300), pfn_of(101), pfn_of(100)], -1)


def test_explain_as_a_picture(caller: Caller) -> None:
    """The Accept header asks for the annotated map; what cannot be is refused."""
    make_guest(caller)
    answer = caller.get(f"{WEB}/explain?target=0", headers={"Accept": "image/png"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.format == "PNG"
        assert image.width > 100
    assert caller.get(f"{WEB}/explain", headers={"Accept": "text/csv"}).status_code == 406


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("target=1", 422, "target"),
        ("target=2GiB", 422, "target"),
        ("target=-1", 422, "target"),
        ("target=many", 422, "target"),
        ("limit=0", 422, "limit"),
        ("limit=1001", 422, "limit"),
        ("cursor=-1", 422, "cursor"),
        ("pages=perhaps", 422, "pages"),
        ("colour=red", 422, "colour"),
    ],
)
def test_explain_refuses_a_bad_query(caller: Caller, query: str, status: int, field: str) -> None:
    """The problem names the value."""
    make_guest(caller)
    answer = caller.get(f"{WEB}/explain?{query}")
    assert answer.status_code == status, answer.text
    assert field in answer.json()["field"]


def test_explain_what_is_not_there(caller: Caller) -> None:
    """No guest, no device, and no pages for a copy."""
    assert caller.get(f"{WEB}/explain").status_code == 404
    make_guest(caller)
    assert caller.get("/v1/guests/web/virtio-mem/vm7/explain").status_code == 404
    assert caller.post("/v1/guests/web/virtio-mem/vm7/forecast", {"requested_size": 0}).status_code == 404


def test_forecast_is_what_the_guest_then_does(caller: Caller) -> None:
    """Outcome, size, time and limits; and then the same happens."""
    make_guest(caller)
    before = caller.digests()
    answer = caller.post(f"{WEB}/forecast", {"requested_size": "256MiB", "retries": 1})
    assert answer.status_code == 200, answer.text
    told = Forecast.model_validate(answer.json(), strict=True)
    assert (told.size_before, told.size, told.retries) == (GIB, 256 * MIB, [])
    assert told.limits is not None
    assert (told.limits.floor, told.limits.floor_reason) == (6 * MIB, "obstacles")
    assert (told.limits.ceiling, told.limits.ceiling_reason) == (GIB, "region")
    assert caller.digests() == before
    operation = caller.call("PATCH", f"{WEB}?wait=10", json={"requested_size": "256MiB"}).json()
    assert operation["outcome"] == answer.json()["outcome"]


def test_forecast_under_another_kernel(caller: Caller) -> None:
    """A policy and levels of one's own; limits only if they are wanted."""
    make_guest(caller)
    told = caller.post(
        f"{WEB}/forecast", {"requested_size": 0, "policy": "linux-5.15", "limits": False}
    ).json()
    assert (told["policy"], told["fallback"], told["size"], told["limits"]) == (
        "linux-5.15",
        ["memory_block", "chunk"],
        8 * MIB,
        None,
    )


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"requested_size": 1},
        {"requested_size": "2GiB"},
        {"requested_size": 0, "policy": "linux-0.9"},
        {"requested_size": 0, "policy": "linux-6.17+colour=red"},
        {"requested_size": 0, "fallback": ["chunk", "memory_block"]},
        {"requested_size": 0, "fallback": []},
        {"requested_size": 0, "retries": 11},
        {"requested_size": 0, "retries": -1},
        {"requested_size": 0, "limits": 1},
        {"requested_size": 0, "size": 0},
    ],
)
def test_forecast_refuses_a_bad_body(caller: Caller, body: dict[str, object]) -> None:
    """Each is a problem that says what would do."""
    make_guest(caller)
    before = caller.digests()
    answer = caller.post(f"{WEB}/forecast", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]
    assert caller.digests() == before


def test_copies_need_pages() -> None:
    """A service that is full has no room for copies: 507, and nothing is held afterwards."""
    with Caller.serving(Settings(max_total_pages=2**20 + 2**18 + 2**19)) as caller:
        make_guest(caller)
        nr_pages = caller.service.registry.nr_pages
        assert caller.get(f"{WEB}/explain").status_code == 507
        assert caller.post(f"{WEB}/forecast", {"requested_size": 0}).status_code == 507
        assert caller.service.registry.nr_pages == nr_pages


def test_explain_and_forecast_of_a_dead_guest(caller: Caller) -> None:
    """What keeps its driver from working is told first; what a target would give, cannot be."""
    make_guest(caller)
    caller.post("/v1/guests/web/faults", {"kind": "guest_crash", "reason": "Oops"})
    told = Explanation.model_validate(caller.get(f"{WEB}/explain?target=0").json(), strict=True)
    assert [hindrance.what for hindrance in told.hindrances] == ["guest_crashed"]
    assert (told.obtainable, told.stays) == (GIB - 6 * MIB, 6 * MIB)
    answer = caller.post(f"{WEB}/forecast", {"requested_size": 0})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/guest-crashed")
