"""CMA areas of a guest as its callers use them: taken, released, told, and booked to the clock."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidValue, Unknown, VmemsimError
from app.guest.allocations import AllocationSpec
from app.guest.cma_plan import CmaAreaSpec
from app.guest.guest import Guest
from app.mm.policies.policy import POLICIES as EVERY_POLICY
from app.mm.policies.switches import Unit
from app.mm.zone import ZoneId
from app.units import MIB
from tests.guest.making import toy_guest, x86_guest

AREA = CmaAreaSpec(name="dma", size=8 * MIB, base=512 * MIB)
BASE = 512 * MIB // 4096
POLICIES = pytest.mark.parametrize("policy", ["linux-5.15", "linux-5.19", "linux-6.12", "linux-6.17"])

# Kernels on which an area may be half a chunk, and none breaks a law.
POLICIES_OF_PAGEBLOCKS = [
    name for name, it in EVERY_POLICY.items() if it.cma_align is Unit.PAGEBLOCK and not it.allow_unsafe
]


def guest_with_area(policy: str = "linux-5.19") -> Guest:
    """Returns a guest of 1 GiB with one area of 2048 pages."""
    return x86_guest(policy=policy, cma_areas=(AREA,), devices=())


def used(guest: Guest) -> object:
    """Returns how many bytes of the area are taken."""
    return guest.pages.cma_areas()[0]["used"]


@POLICIES
def test_pages_are_taken_told_and_released(policy: str) -> None:
    """C-9, C-11: the guest's description tells what the client has, and release gives exactly that back."""
    guest = guest_with_area(policy)
    free = guest.node.zones[ZoneId.DMA32].nr_free
    outcome = guest.pages.cma_alloc("dma", 600, 9)
    assert (outcome["result"], outcome["pfn"], outcome["calls"]) == ("0", BASE, 1)
    assert guest.describe()["cma_areas"] == [
        {
            "name": "dma",
            "base": 512 * MIB,
            "size": 8 * MIB,
            "order_per_bit": 0,
            "used": 600 * 4096,
            "allocations": [{"pfn": BASE, "nr_pages": 600}],
        }
    ]
    assert guest.verify() == []
    assert guest.pages.cma_release("dma", BASE) == 600
    assert (used(guest), guest.node.zones[ZoneId.DMA32].nr_free) == (0, free)
    assert guest.verify() == []


@POLICIES
def test_borrowed_pages_move_out_and_every_call_costs_time(policy: str) -> None:
    """B-11, C-9: programs borrow the area; a pin in it costs a call for each place that it spoils."""
    guest = guest_with_area(policy)
    guest.pages.allocate(AllocationSpec(kind="anon", at_pfns=tuple(range(BASE + 3, BASE + 100))))
    guest.pages.allocate(AllocationSpec(kind="pinned", at_pfns=(BASE + 2,)))
    outcome = guest.pages.cma_alloc("dma", 512)
    assert (outcome["result"], outcome["pfn"], outcome["calls"]) == ("0", BASE + 3, 4)
    one_call_us = guest.clock.now_us
    guest.pages.cma_alloc("dma", 512)
    # Three busy places cost more than three calls that find nothing in the way.
    assert one_call_us > 3 * (guest.clock.now_us - one_call_us)
    assert guest.verify() == []


def test_dropped_page_cache_leaves_its_allocation() -> None:
    """5.2: clean page cache is dropped for a client, and its allocation counts what is left."""
    guest = guest_with_area()
    guest.pages.allocate(AllocationSpec(kind="file", at_pfns=(BASE, BASE + 1, BASE + 600)))
    guest.pages.cma_alloc("dma", 512)
    (row,) = guest.pages.allocations
    assert row.nr_pages == 1


def test_failures_are_outcomes_that_name_the_page() -> None:
    """EBUSY tells the last obstacle; ENOMEM without a call when the area has not so many pages."""
    guest = guest_with_area()
    guest.pages.allocate(AllocationSpec(kind="pinned", at_pfns=(BASE + 1024,)))
    busy = guest.pages.cma_alloc("dma", 2048)
    assert (busy["result"], busy["pfn"], busy["calls"], busy["step"]) == ("EBUSY", None, 1, "migrate")
    assert busy["obstacle"] == {"pfn": BASE + 1024, "kind": "pinned"}
    full = guest.pages.cma_alloc("dma", 2049)
    assert (full["result"], full["calls"], full["step"], full["obstacle"]) == ("ENOMEM", 0, None, None)
    assert used(guest) == 0


def test_calls_that_make_no_sense_change_nothing() -> None:
    """Unknown areas and pages, no pages, alignments beyond all memory."""
    guest = guest_with_area()
    guest.pages.cma_alloc("dma", 8)
    before = guest.digest()
    for error, call in (
        (Unknown, lambda: guest.pages.cma_alloc("gpu", 8)),
        (Unknown, lambda: guest.pages.cma_release("gpu", BASE)),
        (Unknown, lambda: guest.pages.cma_release("dma", BASE + 1)),
        (InvalidValue, lambda: guest.pages.cma_alloc("dma", 0)),
        (InvalidValue, lambda: guest.pages.cma_alloc("dma", 8, -1)),
        (InvalidValue, lambda: guest.pages.cma_alloc("dma", 8, 31)),
    ):
        with pytest.raises(error):
            call()
    assert guest.digest() == before


def test_fork_keeps_what_clients_have() -> None:
    """Both guests release their own."""
    guest = guest_with_area()
    guest.pages.cma_alloc("dma", 8)
    fork = guest.fork(policy=None)
    assert fork.digest() == guest.digest()
    assert fork.pages.cma_release("dma", BASE) == 8
    assert (used(fork), used(guest)) == (0, 8 * 4096)
    assert guest.verify() == fork.verify() == []
    assert guest.pages.cma_release("dma", BASE) == 8


def test_digest_sees_what_is_taken() -> None:
    """Equal pages with another bitmap, or another holder, are another state."""
    digests = {guest_with_area().digest()}
    for nr_pages in (8, 16):
        guest = guest_with_area()
        guest.pages.cma_alloc("dma", nr_pages)
        digests.add(guest.digest())
    assert len(digests) == 3


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("fill"), st.sampled_from(["anon", "file", "pinned", "slab"]), st.integers(1, 60)),
        st.tuples(st.just("free"), st.just(""), st.integers(0, 9)),
        st.tuples(st.just("take"), st.sampled_from(["low", "high"]), st.integers(1, 40)),
        st.tuples(st.just("release"), st.sampled_from(["low", "high"]), st.integers(0, 9)),
        st.tuples(st.just("contig"), st.just(""), st.integers(0, 400)),
        st.tuples(st.just("plug"), st.just(""), st.integers(0, 20)),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(
    policy=st.sampled_from(POLICIES_OF_PAGEBLOCKS), preset=st.sampled_from(["toy", "toy-spanning"]), acts=ACTS
)
def test_any_acts_leave_a_guest_with_areas_sound(
    policy: str, preset: str, acts: list[tuple[str, str, int]]
) -> None:
    """Borrowed, taken, released, isolated and plugged in any order: every law holds."""
    areas = (
        CmaAreaSpec(name="low", size=6 * MIB, base=17 * MIB),
        CmaAreaSpec(name="high", size=3 * MIB, base=23 * MIB, order_per_bit=1),
    )
    guest = toy_guest(preset=preset, policy=policy, cma_areas=areas)
    for act, what, number in acts:
        with contextlib.suppress(VmemsimError):
            do(guest, act, what, number)
    assert guest.verify() == []


def do(guest: Guest, act: str, what: str, number: int) -> None:
    """Does one act; `number` counts pages, or chooses among what there is."""
    if act == "fill":
        guest.pages.allocate(AllocationSpec(kind=what, nr_pages=number))
    elif act == "free":
        ids = [row.id for row in guest.pages.allocations]
        guest.pages.free(ids[number % len(ids)] if ids else 0, 0.5, number)
    elif act == "take":
        guest.pages.cma_alloc(what, number, number % 4)
    elif act == "release":
        pfns = held_pfns(guest, what)
        guest.pages.cma_release(what, pfns[number % len(pfns)] if pfns else 0)
    elif act == "contig":
        guest.pages.alloc_contig_range(number, number + 20)
    else:
        guest.resize("vm0", number * MIB)


def held_pfns(guest: Guest, area: str) -> list[int]:
    """Returns where the area's client has pages."""
    rows = {row["name"]: row["allocations"] for row in guest.pages.cma_areas()}
    pieces = rows[area]
    assert isinstance(pieces, list)
    return [piece["pfn"] for piece in pieces]
