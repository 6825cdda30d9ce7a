"""A guest as its callers see it: resized with reasons, pages taken and given back, and all again by replay."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import CallerError, GuestOutOfMemory, InvalidValue, RangeUnavailable, StateError, Unknown
from app.guest.allocations import AllocationSpec
from app.guest.guest import LONGEST_ADVANCE_US, Guest
from app.guest.proc_files import PROC_FILES
from app.guest.spec import DeviceSpec
from app.guest.workload import workload
from app.units import GIB, MIB
from tests.guest.making import FIRST_DEVICE_PFN, toy_guest, x86_guest

# One slab page in the lowest pageblock of a memory block that is otherwise free (S28, D-13).
D_13 = [
    (
        ("memory_block", "chunk", "pageblock"),
        2 * MIB,
        {"memory_block": (1, 1), "chunk": (32, 1), "pageblock": (2, 1)},
    ),
    (("memory_block", "pageblock"), 2 * MIB, {"memory_block": (1, 1), "pageblock": (64, 1)}),
    (("memory_block", "chunk"), 4 * MIB, {"memory_block": (1, 1), "chunk": (32, 1)}),
    (("pageblock",), 2 * MIB, {"pageblock": (64, 1)}),
]


def sound(guest: Guest) -> Guest:
    """Returns the guest after checking that no invariant is broken."""
    assert guest.verify() == []
    return guest


@pytest.mark.parametrize(("fallback", "stays", "attempts"), D_13)
def test_unplug_around_one_slab_page_is_d13(
    fallback: tuple[str, ...], stays: int, attempts: dict[str, tuple[int, int]]
) -> None:
    """The attempts and failures of D-13, and what stays, for each list of levels."""
    guest = x86_guest(fallback=fallback, online="online_kernel")
    guest.plug("vm0", 128 * MIB)
    guest.pages.allocate(AllocationSpec(kind="slab", at_pfns=(FIRST_DEVICE_PFN + 3,)))
    outcome = guest.unplug("vm0", 128 * MIB)
    assert outcome["state"] == "partial"
    assert (outcome["size"], outcome["achieved"]) == (stays, 128 * MIB - stays)
    by_level = outcome["by_level"]
    assert isinstance(by_level, dict)
    assert {level: (row["attempts"], row["failed"]) for level, row in by_level.items()} == attempts
    assert outcome["obstacle_count"] == 1
    level = fallback[-1]
    reason = {"kind": "unmovable", "level": level, "result": "EBUSY", "cause": "page"}
    assert outcome["obstacles"] == [{"pfn": FIRST_DEVICE_PFN + 3, **reason, "bytes": stays}]
    sound(guest)


def test_resize_up_and_down_is_done_and_costs_time() -> None:
    """An idle guest follows its target both ways; the clock moves by what it cost."""
    guest = x86_guest()
    grown = guest.resize("vm0", 512 * MIB)
    assert (grown["state"], grown["requested"], grown["achieved"]) == ("done", 512 * MIB, 512 * MIB)
    assert grown["simulated_us"] == guest.clock.now_us == 4 * 1370
    shrunk = guest.unplug("vm0", 384 * MIB)
    assert (shrunk["state"], shrunk["size"], shrunk["achieved"]) == ("done", 128 * MIB, 384 * MIB)
    assert guest.plug("vm0", 2 * MIB)["size"] == 130 * MIB
    same = guest.resize("vm0", 130 * MIB)
    assert (same["state"], same["requested"], same["achieved"]) == ("done", 0, 0)
    sound(guest)


def test_unplug_of_touched_memory_costs_discards() -> None:
    """Memory that was used since it was plugged is dearer to take back by 11.6 us per 2 MiB, once."""
    costs = []
    for touches in (False, True):
        guest = x86_guest()
        guest.plug("vm0", GIB)
        if touches:
            row = guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=1 << 18))
            guest.pages.free(int(str(row["id"])))
        costs.append(int(str(guest.unplug("vm0", GIB)["simulated_us"])))
    assert costs[1] - costs[0] == pytest.approx(512 * 11.6, rel=0.02)


def test_shrink_of_18_gib_takes_measured_time() -> None:
    """Through device and driver, 20 GiB down to 2 GiB and up again takes what was measured, within 20 %."""
    guest = x86_guest(boot_size=2 * GIB, devices=(DeviceSpec(size=18 * GIB),))
    assert guest.plug("vm0", 18 * GIB)["simulated_us"] == pytest.approx(196_700, rel=0.2)
    assert guest.unplug("vm0", 18 * GIB)["simulated_us"] == pytest.approx(474_000, rel=0.2)


def driver_of(guest: Guest) -> tuple[object, object]:
    """Returns what the driver of a guest's device is at, and its timer."""
    driver = guest.describe_device("vm0")["driver"]
    assert isinstance(driver, dict)
    return driver["state"], driver["retry_ms"]


def test_retry_timer_fires_on_simulated_clock() -> None:
    """A pin that goes is noticed by the retry, 50 s after the pass that it stopped, and not before."""
    guest = x86_guest()
    guest.plug("vm0", 128 * MIB)
    pin = guest.pages.allocate(AllocationSpec(kind="pinned", at_pfns=(FIRST_DEVICE_PFN + 600,)))
    assert guest.resize("vm0", 0)["size"] == 2 * MIB
    assert driver_of(guest) == ("waiting_retry", 50_000)
    guest.pages.free(int(str(pin["id"])))
    assert guest.advance(49_999_000) == []
    (outcome,) = guest.advance(1_000)
    assert (outcome["state"], outcome["size"]) == ("done", 0)
    assert guest.advance(LONGEST_ADVANCE_US) == []
    assert driver_of(guest) == ("idle", 0)
    sound(guest)


def test_retries_wait_longer_each_time() -> None:
    """With the pin still there the tries come after 50, 100, 200, 300 and 300 s (recorded, D-3)."""
    guest = x86_guest()
    guest.plug("vm0", 128 * MIB)
    guest.pages.allocate(AllocationSpec(kind="pinned", at_pfns=(FIRST_DEVICE_PFN,)))
    guest.resize("vm0", 0)
    waits = [50, 100, 200, 300, 300]
    for seconds in waits:
        assert guest.advance((seconds - 1) * 1_000_000) == []
        assert len(guest.advance(1_100_000)) == 1


def test_allocation_is_whole_or_nothing() -> None:
    """More than there is room for is refused, and nothing has changed."""
    guest = toy_guest()
    before = guest.digest()
    with pytest.raises(GuestOutOfMemory):
        guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=1 << 40))
    assert guest.digest() == before
    row = guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=100, label="heap"))
    assert row == {"id": 1, "kind": "anon", "order": 0, "nr_pages": 100, "label": "heap", "node": 0}
    assert guest.pages.free(1, 0.25, seed=3) == {"id": 1, "freed_pages": 25, "remaining_pages": 75}
    assert guest.pages.free(1) == {"id": 1, "freed_pages": 75, "remaining_pages": 0}
    with pytest.raises(Unknown):
        guest.pages.free(1)
    sound(guest)


def test_dropped_page_cache_leaves_its_allocation() -> None:
    """Clean pages that an unplug drops instead of moving are no longer counted as their owner's."""
    guest = x86_guest()
    guest.plug("vm0", 128 * MIB)
    pfns = tuple(range(FIRST_DEVICE_PFN, FIRST_DEVICE_PFN + 20))
    row = guest.pages.allocate(AllocationSpec(kind="file_clean", at_pfns=pfns[:10]))
    guest.pages.allocate(AllocationSpec(kind="anon", at_pfns=pfns[10:]))
    outcome = guest.unplug("vm0", 128 * MIB)
    assert (outcome["state"], outcome["migrated_pages"]) == ("done", 10)
    assert [allocation["nr_pages"] for allocation in as_list(guest.describe()["allocations"])] == [10]
    with pytest.raises(Unknown):
        guest.pages.free(int(str(row["id"])))
    sound(guest)


def test_contig_range_is_taken_and_given_back() -> None:
    """What was taken stays taken; parts of it can be given back, and nothing else."""
    guest = x86_guest()
    guest.plug("vm0", 128 * MIB)
    start = FIRST_DEVICE_PFN + 100
    outcome = guest.pages.alloc_contig_range(start, start + 512)
    assert outcome == {"result": "0", "step": None, "obstacle": None, "migrated_pages": 0}
    with pytest.raises(RangeUnavailable):
        guest.pages.free_contig_range(start - 1, start + 1)
    assert guest.pages.free_contig_range(start + 100, start + 200) == 100
    with pytest.raises(RangeUnavailable):
        guest.pages.free_contig_range(start, start + 512)
    assert guest.pages.free_contig_range(start, start + 100) == 100
    assert guest.pages.free_contig_range(start + 200, start + 512) == 312
    assert guest.unplug("vm0", 128 * MIB)["state"] == "done"
    sound(guest)


def test_contig_range_names_obstacle() -> None:
    """A kernel page stops it at isolation, a pinned one later; both are named."""
    guest = x86_guest(online="online_kernel")
    guest.plug("vm0", 128 * MIB)
    guest.pages.allocate(AllocationSpec(kind="slab", at_pfns=(FIRST_DEVICE_PFN + 1030,)))
    guest.pages.allocate(AllocationSpec(kind="pinned", at_pfns=(FIRST_DEVICE_PFN + 2060,)))
    slab = guest.pages.alloc_contig_range(FIRST_DEVICE_PFN + 1024, FIRST_DEVICE_PFN + 1536)
    assert (slab["result"], slab["step"]) == ("EBUSY", "isolate")
    assert slab["obstacle"] == {"pfn": FIRST_DEVICE_PFN + 1030, "kind": "unmovable"}
    pinned = guest.pages.alloc_contig_range(FIRST_DEVICE_PFN + 2048, FIRST_DEVICE_PFN + 2560)
    assert pinned["result"] == "EBUSY"
    assert pinned["obstacle"] == {"pfn": FIRST_DEVICE_PFN + 2060, "kind": "pinned"}
    sound(guest)


REFUSED: list[tuple[Callable[[Guest], object], str | None]] = [
    (lambda guest: guest.resize("vm9", 0), "device"),
    (lambda guest: guest.resize("vm0", 3 * MIB // 2), "requested_size"),
    (lambda guest: guest.resize("vm0", -MIB), "requested_size"),
    (lambda guest: guest.resize("vm0", 1 << 50), "requested_size"),
    (lambda guest: guest.plug("vm0", 0), "size"),
    (lambda guest: guest.plug("vm0", -MIB), "size"),
    (lambda guest: guest.plug("vm0", 100 * MIB), "size"),
    (lambda guest: guest.unplug("vm0", 64 * MIB), "size"),
    (lambda guest: guest.describe_device("none"), "device"),
    (lambda guest: guest.advance(-1), "duration_us"),
    (lambda guest: guest.advance(LONGEST_ADVANCE_US + 1), "duration_us"),
    (lambda guest: guest.pages.allocate(AllocationSpec(kind="gold", nr_pages=1)), "kind"),
    (lambda guest: guest.pages.allocate(AllocationSpec(kind="anon", order=9, nr_pages=512)), "order"),
    (lambda guest: guest.pages.allocate(AllocationSpec(kind="thp", nr_pages=3)), "nr_pages"),
    (lambda guest: guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=-1)), "nr_pages"),
    (lambda guest: guest.pages.allocate(AllocationSpec(kind="anon")), "nr_pages"),
    (lambda guest: guest.pages.allocate(AllocationSpec(kind="anon", at_pfns=(-1,))), "at_pfns[0]"),
    (lambda guest: guest.pages.allocate(AllocationSpec(kind="anon", at_pfns=(1 << 40,))), "at_pfns[0]"),
    (lambda guest: guest.pages.allocate(AllocationSpec(kind="anon", order=1, at_pfns=(101,))), "at_pfns[0]"),
    (lambda guest: guest.pages.allocate(AllocationSpec(kind="anon", at_pfns=(100, 100))), "at_pfns[1]"),
    (lambda guest: guest.pages.allocate(AllocationSpec(kind="anon", at_pfns=(100, 20_000))), "at_pfns[1]"),
    (lambda guest: guest.pages.allocate(AllocationSpec(kind="slab", at_pfns=(32_770,))), "at_pfns[0]"),
    (lambda guest: guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=1, label="x" * 101)), "label"),
    (lambda guest: guest.pages.free(1, 1.5), "fraction"),
    (lambda guest: guest.pages.free(1, float("nan")), "fraction"),
    (lambda guest: guest.pages.free(77), "allocation"),
    (lambda guest: guest.pages.alloc_contig_range(-8, 8), "start_pfn"),
    (lambda guest: guest.pages.alloc_contig_range(16, 8), "end_pfn"),
    (lambda guest: guest.pages.alloc_contig_range(0, 1 << 40), "end_pfn"),
    (lambda guest: guest.pages.alloc_contig_range(10_000, 10_008), "start_pfn"),
    (lambda guest: guest.pages.free_contig_range(64, 72), None),
    (lambda guest: guest.proc("slabinfo"), "file of /proc"),
]


@pytest.mark.parametrize(("call", "field"), REFUSED)
def test_refused_call_changes_nothing(call: Callable[[Guest], object], field: str | None) -> None:
    """Each bad value is named, and the state digest is as before."""
    guest = toy_guest()
    guest.plug("vm0", 16 * MIB)
    guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=4))
    before, events = guest.digest(), guest.event_digest()
    with pytest.raises((CallerError, StateError)) as caught:
        call(guest)
    assert caught.value.members.get("field") == field
    assert (guest.digest(), guest.event_digest()) == (before, events)


def as_list(value: object) -> list[dict[str, object]]:
    """Returns a value of a description as the list that it is."""
    assert isinstance(value, list)
    return value


def test_description_has_documented_members() -> None:
    """The shape that server and clients agree on."""
    guest = x86_guest(seed=7)
    guest.plug("vm0", 256 * MIB)
    shown = guest.describe()
    assert {
        key: shown[key] for key in ("name", "preset", "policy", "online", "seed", "boot_size", "source")
    } == {
        "name": "test",
        "preset": "x86-64",
        "policy": "linux-5.19",
        "online": "online_movable",
        "seed": 7,
        "boot_size": GIB,
        "source": "preset",
    }
    assert shown["memory"] == {"total": GIB + 256 * MIB, "managed": GIB + 240 * MIB, "free": GIB + 236 * MIB}
    assert [zone["name"] for zone in as_list(shown["zones"])] == ["DMA32", "Movable"]
    (device,) = as_list(shown["devices"])
    assert (device["addr"], device["size"], device["mode"]) == (4 * GIB, 256 * MIB, "sbm")
    assert device["unplug_levels"] == ["memory_block", "pageblock"]
    blocks = device["blocks"]
    assert isinstance(blocks, dict)
    assert (blocks["movable"], blocks["unused"]) == (2, 6)
    assert device == guest.describe_device("vm0")


@pytest.mark.parametrize("name", PROC_FILES)
def test_proc_files_have_text(name: str) -> None:
    """Each file of /proc can be read, also with an empty zone; the log of a guest in good order has no line yet."""
    text = guest_text(x86_guest(), name)
    assert text.endswith("\n") or (name, text) == ("kmsg", "")


def guest_text(guest: Guest, name: str) -> str:
    """Returns the text of a /proc file."""
    return guest.proc(name)


# Event digests of replay(), recorded: they change when, and only when, a guest acts otherwise.
GOLDEN = [
    ("linux-5.15", "online_kernel", "8093b3c465f97567c120164a24ced659"),
    ("linux-5.19", "online_kernel", "bf16aac869a12fc673ba01bbbcbe0188"),
    ("linux-5.19", "online_movable", "0e46de5bccf6e85a227077c5948cf960"),
]
ROOT = Path(__file__).parents[2]
# A replay in this process and in another one: geometry, policy, seed and calls decide everything.
REPLAY = """
from tests.guest.test_guest import replay
print(*replay())
"""


def replay(policy: str = "linux-5.19", online: str = "online_kernel") -> tuple[str, str]:
    """Returns the digests of state and events after a fragmented guest was resized up and down."""
    device = DeviceSpec(size=GIB, requested_size=512 * MIB)
    levels = ("memory_block", "chunk", "pageblock")
    guest = x86_guest(seed=5, policy=policy, online=online, devices=(device,), fallback=levels)
    guest.pages.populate(workload("fragmented"), 5)
    guest.unplug("vm0", 256 * MIB)
    guest.plug("vm0", 512 * MIB)
    guest.pages.free(1, 0.5, 9)
    guest.advance(60_000_000)
    return guest.digest(), guest.event_digest()


def test_replay_gives_equal_digests_in_two_processes() -> None:
    """The same spec and calls end in the same state, by the same events, here and in another process."""
    here = replay()
    assert replay() == here
    other = subprocess.run(
        [sys.executable, "-c", REPLAY], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert tuple(other.stdout.split()) == here


@pytest.mark.parametrize(("policy", "online", "digest"), GOLDEN)
def test_events_of_replay_are_the_recorded_ones(policy: str, online: str, digest: str) -> None:
    """Whoever changes what a guest does, and in which order, sees it here and says so."""
    assert replay(policy, online)[1] == digest


def test_replay_with_other_seed_differs() -> None:
    """The seed decides which pages the workload frees."""
    digests = set()
    for seed in (1, 2):
        guest = toy_guest(seed=seed, workload=workload("fragmented"))
        digests.add(guest.digest())
    assert len(digests) == 2


ACTS = st.one_of(
    st.tuples(st.just("resize"), st.integers(0, 64)),
    st.tuples(
        st.just("allocate"),
        st.sampled_from(["anon", "file", "file_dirty", "thp", "slab", "reclaimable", "pinned"]),
    ),
    st.tuples(st.just("free"), st.integers(0, 100)),
    st.tuples(st.just("take"), st.integers(0, 1100)),
)


def act(guest: Guest, verb: str, argument: int | str) -> None:
    """Does one random thing; refusals are fine."""
    try:
        if verb == "resize":
            guest.resize("vm0", int(argument) * MIB)
        elif verb == "allocate":
            guest.pages.allocate(AllocationSpec(kind=str(argument), nr_pages=64))
        elif verb == "free":
            rows = as_list(guest.describe()["allocations"])
            if rows:
                row = rows[int(argument) % len(rows)]
                guest.pages.free(int(str(row["id"])), 0.5 if int(argument) % 2 else 1.0, int(argument))
        else:
            first = 4 * GIB // guest.geometry.page_size if int(argument) > 500 else 0
            guest.pages.alloc_contig_range(first + int(argument) % 500, first + int(argument) % 500 + 13)
    except (CallerError, StateError):
        pass


@settings(max_examples=25, deadline=None)
@given(
    policy=st.sampled_from(["linux-5.10", "linux-5.15", "linux-5.19"]),
    online=st.sampled_from(["online_kernel", "online_movable"]),
    acts=st.lists(ACTS, max_size=25),
)
def test_any_acts_leave_sound_guest(policy: str, online: str, acts: list[tuple[str, int | str]]) -> None:
    """Whatever is done to a guest, in whatever order, no invariant breaks."""
    guest = toy_guest(policy=policy, online=online)
    for verb, argument in acts:
        act(guest, verb, argument)
        assert guest.verify() == []
    total = sum(int(str(row["nr_pages"])) for row in as_list(guest.describe()["allocations"]))
    guest.pages.allocations.recount()
    assert total == sum(row.nr_pages for row in guest.pages.allocations)


def test_invalid_value_is_named_in_attach() -> None:
    """Fallback levels that make no sense are refused when the guest is made."""
    with pytest.raises(InvalidValue, match="fallback"):
        x86_guest(fallback=("chunk",))
