"""The Python client against the real service: what a hypervisor does with a guest, from first to last."""

import asyncio

import pytest

from clients import wait
from clients.async_client import AsyncClient
from clients.client import Client
from clients.errors import Conflict, Invalid, NotFound, Refused
from clients.models import Outcome
from clients.sizes import GIB, MIB
from clients.specs import AllocationSpec, DeviceSpec, GuestSpec, ImportSpec, Upload
from clients.time_models import Operation
from tests.integration.conftest import ROOT, MakeGuest, unique_name

PAGE_SIZE = 4096
CAPTURES = ROOT / "tests" / "data" / "captures"
ONE_BLOCK = (DeviceSpec(size=128 * MIB, requested_size=128 * MIB, block_size=2 * MIB),)


def outcome_of(operation: Operation) -> Outcome:
    """Returns the outcome of an operation that is over."""
    assert operation.is_over
    assert operation.outcome is not None
    return operation.outcome


def attempts(outcome: Outcome) -> dict[str, tuple[int, int]]:
    """Returns attempts and failures of each level that was tried."""
    return {
        level: (result.attempts, result.failed)
        for level, result in outcome.by_level.items()
        if result.attempts
    }


def test_service_says_who_it_is_and_what_it_offers(client: Client) -> None:
    """A client finds out what it can ask for."""
    assert client.healthz().status == "ok"
    assert client.readyz().status == "ready"
    assert client.version().name == "vmemsim"
    assert {policy.name for policy in client.policies()} >= {"linux-5.15", "linux-5.19"}
    assert {preset.name for preset in client.presets()} >= {"x86-64"}
    assert {switch.name for switch in client.switches()} == set(client.policies()[0].switches)


def test_every_policy_makes_a_guest_that_gives_memory_back(client: Client, make_guest: MakeGuest) -> None:
    """Each kernel by name, and one with a switch of its own, which is told by its canonical text."""
    for policy in (*(known.name for known in client.policies()), "linux-6.12 undo_type=caller,cma_lock=none"):
        guest = make_guest(policy=policy, online="online_kernel")
        assert guest.policy == policy.replace(" ", "+").replace("undo_type=caller,", "")
        assert client.unplug(guest.name, "vm0", GIB).state == "succeeded"
        assert client.verify(guest.name).violations == ()


def test_policy_that_cannot_be_says_what_can(client: Client) -> None:
    """Switches that do not go together are refused before there is a guest, with a reason."""
    with pytest.raises(Invalid) as refused:
        client.show_policy("linux-5.15+cma_align=pageblock")
    assert "merge_rule is isolate-only" in str(refused.value)
    with pytest.raises(NotFound):
        client.show_policy("linux-5.15+no_such_switch=1")


def test_quantities_follow_the_policy(client: Client) -> None:
    """RFC3: on ppc64 with radix tables the fadump area shrinks from 16 MiB to 2 MiB."""
    aligns = [
        client.quantities("ppc64-64K-radix", policy=policy).fadump_align
        for policy in ("linux-5.15", "linux-5.19")
    ]
    assert aligns == [16 * MIB, 2 * MIB]
    assert client.quantities("x86-64", block_size=256 * MIB).mode == "big-block"


def test_guest_is_made_listed_shown_and_deleted(client: Client, make_guest: MakeGuest) -> None:
    """What was asked for is there, and is gone after its deletion."""
    made = make_guest(policy="linux-5.15", seed=7, online="online_kernel")
    assert (made.policy, made.seed, made.online, made.source) == ("linux-5.15", 7, "online_kernel", "preset")
    assert made.devices[0].size == made.devices[0].requested_size == GIB
    assert made.memory.total == 2 * GIB
    assert made.name in {guest.name for guest in client.list_guests()}
    assert client.show_guest(made.name) == made
    client.delete_guest(made.name)
    with pytest.raises(NotFound, match=made.name):
        client.show_guest(made.name)


def test_memory_is_plugged_and_taken_back(client: Client, make_guest: MakeGuest) -> None:
    """An idle guest gives and takes all of it; plug and unplug count from the target, resize sets it."""
    guest = make_guest().name
    grown = client.plug(guest, "vm0", GIB)
    assert (grown.state, grown.achieved, grown.size) == ("succeeded", GIB, 2 * GIB)
    shrunk = client.unplug(guest, "vm0", 512 * MIB)
    assert (shrunk.state, shrunk.achieved, shrunk.size) == ("succeeded", 512 * MIB, 1536 * MIB)
    emptied = client.resize(guest, "vm0", 0)
    assert (emptied.state, emptied.size) == ("succeeded", 0)
    assert sum(level.bytes for level in outcome_of(emptied).by_level.values()) == 1536 * MIB
    assert client.show_device(guest, "vm0").size == 0
    assert client.show_guest(guest).memory.total == GIB


def test_waiting_returns_the_device_at_its_size(client: Client, make_guest: MakeGuest) -> None:
    """Whoever did not ask for the resize can wait for its end."""
    guest = make_guest().name
    assert client.run(wait.until_size(guest, "vm0", GIB, timeout_s=10)).requested_size == GIB


@pytest.mark.parametrize(
    ("fallback", "stays", "tried"),
    [
        (
            ("memory_block", "chunk", "pageblock"),
            2 * MIB,
            {"memory_block": (1, 1), "chunk": (32, 1), "pageblock": (2, 1)},
        ),
        (("memory_block", "pageblock"), 2 * MIB, {"memory_block": (1, 1), "pageblock": (64, 1)}),
        (("memory_block", "chunk"), 4 * MIB, {"memory_block": (1, 1), "chunk": (32, 1)}),
    ],
)
def test_one_slab_page_costs_what_the_fallback_says(
    client: Client,
    make_guest: MakeGuest,
    *,
    fallback: tuple[str, ...],
    stays: int,
    tried: dict[str, tuple[int, int]],
) -> None:
    """One slab page in a memory block of 128 MiB: the calls of D-13, and the page is named."""
    guest = make_guest(devices=ONE_BLOCK, fallback=fallback, online="online_kernel")
    slab_pfn = guest.devices[0].addr // PAGE_SIZE
    client.allocate(guest.name, AllocationSpec(kind="unmovable", at_pfns=[slab_pfn], label="slab"))
    outcome = outcome_of(client.resize(guest.name, "vm0", 0))
    assert (outcome.state, outcome.size, outcome.achieved) == ("partial", stays, 128 * MIB - stays)
    assert attempts(outcome) == tried
    assert [(piece.pfn, piece.kind, piece.bytes) for piece in outcome.obstacles] == [
        (slab_pfn, "unmovable", stays)
    ]
    assert outcome.obstacle_count == 1


def test_what_stopped_an_unplug_can_be_freed_and_tried_again(client: Client, make_guest: MakeGuest) -> None:
    """Without the slab page the rest goes."""
    guest = make_guest(devices=ONE_BLOCK, online="online_kernel")
    spec = AllocationSpec(kind="unmovable", at_pfns=[guest.devices[0].addr // PAGE_SIZE])
    slab = client.allocate(guest.name, spec)
    assert client.resize(guest.name, "vm0", 0).state == "partial"
    assert client.free_allocation(guest.name, slab.id).freed_pages == 1
    assert client.resize(guest.name, "vm0", 0).state == "succeeded"


def test_driver_tries_again_by_itself_when_its_time_has_come(client: Client, make_guest: MakeGuest) -> None:
    """A driver that could not finish waits; once the page is gone and time has passed, it takes the rest."""
    guest = make_guest(devices=ONE_BLOCK, online="online_kernel")
    spec = AllocationSpec(kind="unmovable", at_pfns=[guest.devices[0].addr // PAGE_SIZE])
    slab = client.allocate(guest.name, spec)
    client.resize(guest.name, "vm0", 0)
    driver = client.show_device(guest.name, "vm0").driver
    assert driver is not None
    assert driver.state == "waiting_retry"
    client.free_allocation(guest.name, slab.id)
    advanced = client.advance(guest.name, 600_000_000)
    assert advanced.outcomes[-1].state == "done"
    assert client.show_device(guest.name, "vm0").size == 0


def test_anonymous_memory_is_migrated_out_of_the_way(client: Client, make_guest: MakeGuest) -> None:
    """Movable pages do not stop an unplug: they are moved, and counted."""
    guest = make_guest(boot_size=2 * GIB).name
    taken = client.allocate(guest, AllocationSpec(kind="anon", size=256 * MIB, label="heap"))
    assert taken.nr_pages == 256 * MIB // PAGE_SIZE
    assert client.resize(guest, "vm0", 0).state == "succeeded"
    assert {allocation.label for allocation in client.show_guest(guest).allocations} == {"heap"}


def test_allocation_is_freed_in_part_by_a_seed(client: Client, make_guest: MakeGuest) -> None:
    """Half of it goes, then the rest; a third time there is nothing."""
    guest = make_guest().name
    taken = client.allocate(guest, AllocationSpec(kind="anon", nr_pages=1000))
    half = client.free_allocation(guest, taken.id, fraction=0.5, seed=3)
    assert (half.freed_pages, half.remaining_pages) == (500, 500)
    assert client.free_allocation(guest, taken.id).remaining_pages == 0
    with pytest.raises(NotFound):
        client.free_allocation(guest, taken.id)


def test_contiguous_range_is_taken_once_and_given_back(client: Client, make_guest: MakeGuest) -> None:
    """A range that is taken cannot be taken again, and EBUSY is an answer, not an error."""
    guest = make_guest()
    start = guest.devices[0].addr // PAGE_SIZE
    assert client.alloc_contig_range(guest.name, start, start + 1024).succeeded
    again = client.alloc_contig_range(guest.name, start, start + 1024)
    assert not again.succeeded
    assert again.obstacle is not None
    assert start <= again.obstacle.pfn < start + 1024
    assert client.free_contig_range(guest.name, start, start + 1024).freed_pages == 1024
    assert client.alloc_contig_range(guest.name, start, start + 1024).succeeded


def test_memory_is_shown_as_blocks_pageblocks_texts_and_a_picture(
    client: Client, make_guest: MakeGuest
) -> None:
    """Four views of one memory agree."""
    guest = make_guest()
    blocks = client.memory_blocks(guest.name)
    online = sum(block.state == "online" for block in blocks.memory_blocks)
    assert online * blocks.memory_block_size == guest.memory.total
    assert {block.device for block in blocks.memory_blocks} == {None, "vm0"}

    pageblocks = client.pageblocks(guest.name)
    nr_pages = sum(run.nr_pageblocks * sum(run.pages.values()) for run in pageblocks.runs)
    assert nr_pages * PAGE_SIZE == guest.memory.total

    assert "DMA32" in client.proc(guest.name, "buddyinfo")
    assert "MemTotal:" in client.proc(guest.name, "meminfo")
    assert client.map_png(guest.name, scale=2, legend=True).startswith(b"\x89PNG")


def test_used_guest_breaks_no_invariant(client: Client, make_guest: MakeGuest) -> None:
    """After a workload and an unplug, the page arrays and the counters agree."""
    guest = make_guest(workload="busy", seed=3).name
    client.unplug(guest, "vm0", 512 * MIB)
    assert client.verify(guest).violations == ()


def test_equal_guests_give_equal_outcomes(client: Client, make_guest: MakeGuest) -> None:
    """Geometry, policy, seed and calls decide everything."""
    outcomes = []
    for _ in range(2):
        guest = make_guest(workload="fragmented", seed=11).name
        outcomes.append(outcome_of(client.resize(guest, "vm0", 0)))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("size", [3 * MIB, 5 * GIB, -2 * MIB])
def test_wrong_size_is_refused_with_its_field_and_changes_nothing(
    client: Client, make_guest: MakeGuest, size: int
) -> None:
    """No multiple of the block, beyond the region, negative: each names field, value, and what would do."""
    guest = make_guest(seed=5)
    with pytest.raises(Invalid) as refused:
        client.resize(guest.name, "vm0", size)
    assert refused.value.members["field"] == "requested_size"
    assert refused.value.members["value"] == size
    assert refused.value.members["accepted"]
    assert client.show_guest(guest.name) == guest


def test_wrong_guest_is_refused(client: Client, make_guest: MakeGuest) -> None:
    """Unknown names and names that are taken."""
    guest = make_guest()
    with pytest.raises(NotFound, match="vm7"):
        client.show_device(guest.name, "vm7")
    with pytest.raises(NotFound):
        client.proc(guest.name, "cmdline")
    with pytest.raises(Conflict, match=guest.name):
        client.create_guest(GuestSpec(name=guest.name, boot_size=GIB))
    with pytest.raises(Refused, match="linux-0"):
        client.create_guest(GuestSpec(name=unique_name(), boot_size=GIB, policy="linux-0"))


def test_real_guest_is_loaded_and_gives_what_it_gave(client: Client) -> None:
    """A captured guest of Linux 6.1 ends, asked for everything, where the real one ended: 68 MiB stay."""
    capture = (CAPTURES / "6.1-mixed-zero.vmem").read_bytes()
    name = unique_name()
    loaded = client.import_guest(Upload([capture], len(capture)), ImportSpec(name=name))
    try:
        assert loaded.guest.source == "capture"
        assert loaded.guest.devices[0].size == 612 * MIB
        assert loaded.load_report["notes"]
        outcome = outcome_of(client.resize(name, "vm0", 0))
        assert (outcome.state, outcome.size) == ("partial", 68 * MIB)
        assert outcome.obstacle_count == 34
        assert client.verify(name).violations == ()
    finally:
        client.delete_guest(name)


def test_truncated_capture_is_refused(client: Client) -> None:
    """Half a file is no file, and makes no guest."""
    capture = (CAPTURES / "6.1-mixed-zero.vmem").read_bytes()
    name = unique_name()
    with pytest.raises(Invalid) as refused:
        client.import_guest(Upload([capture[: len(capture) // 2]]), ImportSpec(name=name))
    assert refused.value.members["accepted"]
    with pytest.raises(NotFound):
        client.show_guest(name)


def test_capture_that_is_none_is_refused(client: Client) -> None:
    """What is no capture file makes no guest."""
    name = unique_name()
    with pytest.raises(Invalid):
        client.import_guest(Upload([b"not", b" a capture"]), ImportSpec(name=name))
    with pytest.raises(NotFound):
        client.show_guest(name)


def test_guests_are_resized_at_the_same_time(service_url: str) -> None:
    """An asyncio client drives several guests at once; each ends where it was told to."""

    async def live(client: AsyncClient, name: str, size: int) -> int:
        device = DeviceSpec(size=4 * GIB, requested_size=2 * GIB)
        await client.create_guest(GuestSpec(name=name, boot_size=GIB, devices=(device,)))
        try:
            await client.resize(name, "vm0", size)
            return (await client.show_device(name, "vm0")).size
        finally:
            await client.delete_guest(name)

    async def all_at_once() -> list[int]:
        async with AsyncClient(service_url) as client:
            sizes = [number * 128 * MIB for number in range(8)]
            return await asyncio.gather(*(live(client, unique_name(), size) for size in sizes))

    assert asyncio.run(all_at_once()) == [number * 128 * MIB for number in range(8)]
