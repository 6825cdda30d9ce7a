"""Memory blocks over HTTP: set as sysfs does, with the kernel's reasons when it refuses."""

import pytest

from app.api.schemas.memory_blocks import ChangedMemoryBlock
from tests.api.caller import Caller

BLOCKS = "/v1/guests/web/memory-blocks"
# The device begins at 4 GiB, memory blocks have 128 MiB.
FIRST = 32
FIRST_PFN = FIRST * 32768


@pytest.fixture(autouse=True)
def _guest(caller: Caller) -> None:
    devices = [{"size": "1GiB", "requested_size": "256MiB"}]
    caller.make_guest(name="web", devices=devices, online="online_movable", offline_max_rounds=5)


def test_a_block_goes_offline_and_online_again(caller: Caller) -> None:
    """Each answer is the block as it is then; the list agrees, and no law is broken."""
    for state, zone in (("offline", None), ("online_kernel", "Normal")):
        answer = caller.call("PATCH", f"{BLOCKS}/{FIRST}", json={"state": state})
        block = ChangedMemoryBlock.model_validate(answer.json(), strict=True)
        assert (answer.status_code, block.id, block.zone, block.device) == (200, FIRST, zone, "vm0")
        listed = caller.get(BLOCKS).json()["memory_blocks"]
        assert next(row for row in listed if row["id"] == FIRST)["zone"] == zone
    assert caller.post("/v1/guests/web/verify").json()["violations"] == []


def test_a_pin_ends_in_the_simulators_limit(caller: Caller) -> None:
    """HP-6: the problem names page and rounds, and that Linux would still be trying."""
    caller.post("/v1/guests/web/allocations", {"kind": "pinned", "at_pfns": [FIRST_PFN + 9]})
    refused = caller.call("PATCH", f"{BLOCKS}/{FIRST}", json={"state": "offline"})
    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (409, "/problems/memory-block-unchanged")
    assert (problem["errno"], problem["reason"], problem["rounds"]) == ("EINTR", "offline_timeout", 5)
    assert problem["is_simulator_limit"] is True
    assert problem["obstacle"] == {"pfn": FIRST_PFN + 9, "kind": "pinned"}


@pytest.mark.parametrize(
    ("block", "body", "status"),
    [
        (FIRST, {"state": "online"}, 409),
        (FIRST, {"state": "absent"}, 422),
        (FIRST, {}, 422),
        (FIRST, {"state": "offline", "force": True}, 422),
        (FIRST + 2, {"state": "online"}, 404),
        (-1, {"state": "online"}, 422),
        ("vm0", {"state": "online"}, 422),
        (2**60, {"state": "online"}, 422),
    ],
)
def test_what_cannot_be_is_a_problem(
    caller: Caller, block: object, body: dict[str, object], status: int
) -> None:
    """A block that is online already, words and fields that there are not, blocks that are absent."""
    before = caller.get(BLOCKS).json()
    answer = caller.call("PATCH", f"{BLOCKS}/{block}", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert caller.get(BLOCKS).json() == before


def test_policies_are_told_and_shown(caller: Caller) -> None:
    """HP-3: ratio and all; boot memory that is not free from the start."""
    made = caller.make_guest(
        name="auto",
        online="auto-movable",
        auto_movable_ratio=100,
        boot_size="192MiB",
        boot_used="16MiB",
        boot_reserved="64MiB",
    )
    keys = ("online", "auto_movable_ratio", "auto_movable_numa_aware", "offline_max_rounds", "boot_used")
    assert [made[key] for key in keys] == ["auto-movable", 100, True, 100, 16 << 20]
    # The memmap of two whole memory blocks is 4 MiB.
    assert made["memory"] == {
        "total": 192 << 20,
        "managed": (192 - 64 - 4) << 20,
        "free": (192 - 64 - 4 - 16) << 20,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("online", "movable"),
        ("auto_movable_ratio", -1),
        ("offline_max_rounds", 0),
        ("boot_size", 192 * 2**20 + 4096),
        ("boot_size", "2MiB"),
        ("boot_reserved", "1GiB"),
        ("boot_used", "1GiB"),
        ("boot_used", 100),
    ],
)
def test_guests_that_cannot_be_are_refused(caller: Caller, field: str, value: object) -> None:
    """The field is named."""
    answer = caller.post("/v1/guests", {"name": "no", "boot_size": "256MiB", field: value})
    assert answer.status_code == 422
    problem = answer.json()
    assert field in str(problem)
    assert caller.get("/v1/guests/no").status_code == 404
