"""/v1/guests/import: a capture as the body makes a guest; a broken one is refused and changes nothing."""

import resource
import zlib

import pytest

from app.api.schemas.guests import ImportedGuest
from tests.api.caller import Caller, in_pieces
from tests.guest.capture_files import PREAMBLE, Run, capture_file, section

IMPORT = "/v1/guests/import"
BUDDY, RESERVED = 1 << 10, 1 << 32
BUDDYINFO = {"proc/buddyinfo": f"Node 0, zone   Normal {'0 ' * 10} 31 \n"}
RUNS = [Run(1024, RESERVED, 0), Run(31744, BUDDY, 0)]
CAPTURE = capture_file(RUNS, texts=BUDDYINFO)


def test_import_answers_guest_and_load_report(caller: Caller) -> None:
    """201 with the guest, the report, and where the guest can be read."""
    answer = caller.call("POST", IMPORT, content=CAPTURE, params={"name": "host-1", "seed": 3})
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/guests/host-1"), answer.text
    made = ImportedGuest.model_validate(answer.json(), strict=True)
    assert (made.guest.source, made.guest.seed) == ("capture", 3)
    assert made.load_report["kernel_release"] == "6.1.0-test"
    assert caller.get("/v1/guests/host-1").json() == answer.json()["guest"]
    assert caller.post("/v1/guests/host-1/verify").json() == {"violations": []}


def test_import_of_a_streamed_body_needs_no_length(caller: Caller) -> None:
    """The body may come in pieces, as it is read from a pipe."""
    answer = caller.call("POST", IMPORT, content=in_pieces(CAPTURE, 100))
    assert (answer.status_code, answer.json()["guest"]["name"]) == (201, "guest-1")


BROKEN = {
    "empty": b"",
    "no capture": b"GIF89a" * 100,
    "truncated": CAPTURE[: len(CAPTURE) // 2],
    "without end": CAPTURE[:-1],
    "one bit flipped": CAPTURE[:200] + bytes([CAPTURE[200] ^ 1]) + CAPTURE[201:],
    "more behind the end": CAPTURE + b"x",
    "another page size": capture_file(RUNS, texts=BUDDYINFO, head={"page_size": 5000}),
    "another version": PREAMBLE.replace(b"\x01\x00", b"\x63\x00", 1) + CAPTURE[len(PREAMBLE) :],
    "a zip bomb": PREAMBLE + section(b"HEAD", bytes(2**26), size=100),
    "a section larger than any": PREAMBLE + section(b"TEXT", b"x", size=2**31),
    "sizes that break a law": capture_file(
        RUNS, texts={"proc/buddyinfo": f"Node 0, zone   Normal {'0 ' * 40}\n"}
    ),
    "compressed twice": zlib.compress(CAPTURE),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_import_of_a_broken_capture_is_refused(caller: Caller, content: bytes) -> None:
    """Truncated, corrupt, from another world, or a bomb: 422 that names the capture; no guest is changed."""
    caller.make_guest(name="bystander")
    before = caller.digests()
    answer = caller.call("POST", IMPORT, content=content)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-value"), answer.text
    assert answer.json()["field"] == "capture"
    assert answer.json()["accepted"]
    assert caller.digests() == before


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"name": "Host"}, "name"),
        ({"policy": "linux-2.4"}, "policy"),
        ({"policy": "linux-5.15+cma_align=pageblock"}, "policy.cma_align"),
        ({"fallback": "memory_block;chunk"}, "fallback"),
        ({"fallback": ""}, "fallback"),
        ({"online": "later"}, "online"),
        ({"seed": -1}, "seed"),
        ({"device": "moon"}, "device"),
        ({"device": "zone:Movable"}, "device"),
        ({"block_size": "many"}, "block_size"),
        ({"per_cpu": "some"}, "per_cpu"),
        ({"pinned_fraction": 2}, "pinned_fraction"),
        ({"pinned_fraction": "nan"}, "pinned_fraction"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_import_with_a_wrong_option_is_refused_by_name(
    caller: Caller, query: dict[str, object], field: str
) -> None:
    """Options are checked like fields of a body."""
    answer = caller.call("POST", IMPORT, content=CAPTURE, params=query)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-value"), answer.text
    assert answer.json()["field"] == field
    assert answer.json()["accepted"]
    assert caller.get("/v1/guests").json() == {"guests": []}


def test_import_without_room_for_the_file_is_507(caller: Caller) -> None:
    """A disk that is full is the service's trouble, not the caller's, and no defect."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, limits[1]))
    try:
        answer = caller.call("POST", IMPORT, content=in_pieces(bytes(2**25), 2**20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (answer.status_code, answer.json()["type"]) == (507, "/problems/no-room"), answer.text


def test_import_under_a_name_that_is_taken_is_409(caller: Caller) -> None:
    """Names of captures and of presets are the same names."""
    caller.make_guest(name="host-1")
    before = caller.digests()
    answer = caller.call("POST", IMPORT, content=CAPTURE, params={"name": "host-1"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/name-taken")
    assert caller.digests() == before
