"""Views: memory blocks, pageblocks, /proc texts, the map, and the check of the invariants."""

import io

import pytest
from PIL import Image

from app.api.schemas.views import MemoryBlocks, Pageblocks, Verification
from tests.api.caller import Caller


@pytest.fixture(autouse=True)
def _guest(caller: Caller) -> None:
    caller.make_guest(name="web", workload="busy", devices=[{"size": "1GiB", "requested_size": "256MiB"}])


def test_memory_blocks_tell_state_zone_and_device(caller: Caller) -> None:
    """Boot memory and plugged memory are there, each with its zone; the device is named where it is one's."""
    shown = MemoryBlocks.model_validate(caller.get("/v1/guests/web/memory-blocks").json(), strict=True)
    assert shown.memory_block_size == 128 * 2**20
    zones = [(block.id, block.zone, block.device) for block in shown.memory_blocks]
    assert zones[:4] == [(number, "DMA32", None) for number in range(4)]
    assert zones[4:] == [(32, "Movable", "vm0"), (33, "Movable", "vm0")]


def test_pageblocks_count_every_page_once(caller: Caller) -> None:
    """The runs cover the guest's memory, and each pageblock's pages add up."""
    shown = Pageblocks.model_validate(caller.get("/v1/guests/web/pageblocks").json(), strict=True)
    assert sum(run.nr_pageblocks for run in shown.runs) == 768 // 2
    assert all(sum(run.pages.values()) == shown.pageblock_nr_pages for run in shown.runs)


@pytest.mark.parametrize(
    ("file", "start"),
    [
        ("buddyinfo", "Node 0, zone"),
        ("pagetypeinfo", "Page block order: 9"),
        ("zoneinfo", "Node 0, zone"),
        ("meminfo", "MemTotal:"),
    ],
)
def test_proc_files_are_text(caller: Caller, file: str, start: str) -> None:
    """Each file begins as the real one does."""
    answer = caller.get(f"/v1/guests/web/proc/{file}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert answer.text.startswith(start)


def test_proc_file_that_is_none_is_404(caller: Caller) -> None:
    """Other files are not there, whatever the path looks like."""
    for file in ("kcore", "..%2fzoneinfo", "%00"):
        answer = caller.get(f"/v1/guests/web/proc/{file}")
        assert answer.status_code == 404
        assert answer.json()["type"] in {"/problems/unknown", "/problems/no-such-path"}


def test_map_is_a_png_of_the_pageblocks(caller: Caller) -> None:
    """One pixel per pageblock up to the last memory block, in rows of whole memory blocks."""
    answer = caller.get("/v1/guests/web/map.png")
    assert answer.headers["content-type"] == "image/png"
    plain = Image.open(io.BytesIO(answer.content))
    assert plain.width == 64
    larger = caller.get("/v1/guests/web/map.png", params={"scale": 3, "legend": "true"})
    scaled = Image.open(io.BytesIO(larger.content))
    assert scaled.width == 3 * plain.width
    assert scaled.height > 3 * plain.height


@pytest.mark.parametrize("query", ["scale=0", "scale=33", "scale=x", "scale=1.5", "legend=perhaps"])
def test_map_with_a_wrong_option_is_refused(caller: Caller, query: str) -> None:
    """Scale and legend are checked."""
    answer = caller.get(f"/v1/guests/web/map.png?{query}")
    assert (answer.status_code, answer.json()["field"]) == (422, query.partition("=")[0])


def test_verify_of_a_sound_guest_finds_nothing(caller: Caller) -> None:
    """No invariant is broken, and looking changes nothing."""
    before = caller.digests()
    answer = caller.post("/v1/guests/web/verify")
    assert Verification.model_validate(answer.json(), strict=True).violations == []
    for view in ("memory-blocks", "pageblocks", "proc/zoneinfo", "map.png"):
        assert caller.get(f"/v1/guests/web/{view}").status_code == 200
    assert caller.digests() == before


@pytest.mark.parametrize("view", ["memory-blocks", "pageblocks", "proc/zoneinfo", "map.png"])
def test_view_of_an_unknown_guest_is_404(caller: Caller, view: str) -> None:
    """Guests that are not there have no memory to look at."""
    assert caller.get(f"/v1/guests/ghost/{view}").json()["type"] == "/problems/unknown"
