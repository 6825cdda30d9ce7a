"""Memory hotplug: a memory block's way through its states, and what it does to zones and pages."""

import numpy as np
import pytest

from app.mm import hotplug, memmap, page_offline
from app.mm.census import collect_runs
from app.mm.checks.invariants import verify
from app.mm.contig import alloc_contig_range
from app.mm.geometry import preset
from app.mm.hotplug_rules import HotplugRules
from app.mm.memory_block import MemoryBlockState
from app.mm.node import Node
from app.mm.notifier import MemoryAction
from app.mm.outcome import Errno, Obstacle
from app.mm.page import PageKind
from app.mm.policies.policy import POLICIES, policy
from app.mm.zone import ZoneId
from app.scenario.picture import draw
from app.trace.events import MemoryBlockChanged, MemoryBlockRefused
from app.trace.sink import ListSink
from tests.mm.holder import Holder
from tests.mm.small_nodes import two_nodes
from tests.model.observed import observe, observe_lists, observe_runs
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

# Two memory blocks of two pageblocks online, one absent.
PICTURE = "|........|........|........|........|        |        |"
SIZE = 16
NORMAL, MOVABLE = ZoneId.NORMAL, ZoneId.MOVABLE


def managed(node: Node) -> list[int]:
    """Returns what zones Normal and Movable manage."""
    return [node.zones[zone].managed for zone in (NORMAL, MOVABLE)]


def test_add_takes_the_memmap_from_the_guest() -> None:
    """HP-1: 64 bytes for each page of the block; here one page that is no compound."""
    node = parse(PICTURE)
    assert memmap.memmap_nr_pages(node) == 1
    assert hotplug.add_memory(node, 32, 48) is Errno.OK
    assert node.memory_blocks.state(2) is MemoryBlockState.OFFLINE
    (pfn,) = node.memmaps[2]
    assert node.kind_of(pfn) is PageKind.UNMOVABLE_PAGES
    assert node.owned_pfns(memmap.MEMMAP_OWNER).tolist() == [pfn]
    assert verify(node) == []


def test_add_without_room_for_the_memmap_adds_nothing() -> None:
    """ENOMEM: two blocks are asked for, and there is a page for one."""
    node = parse("|UUUUUUUU|UUUUUUU.|" + "        |" * 4)
    before = observe(node)
    assert hotplug.add_memory(node, 16, 48) is Errno.ENOMEM
    after = observe(node)
    # The first memmap claimed the pageblock, and was freed again.
    assert (after.runs, after.counters, after.memory_blocks) == (
        before.runs,
        before.counters,
        before.memory_blocks,
    )
    assert node.memmaps == {}


@pytest.mark.parametrize("zone", [NORMAL, MOVABLE])
def test_online_frees_all_but_the_offline_ranges(zone: ZoneId) -> None:
    """HP-4, 8.7: fresh pages at the tails, managed; the device's pages offline, not managed."""
    node = parse(PICTURE)
    hotplug.add_memory(node, 32, 48)
    before = sum(managed(node))
    holder = Holder(node, [(40, 48)])
    assert hotplug.online_pages(node, 32, 48, zone) is Errno.OK
    assert holder.actions() == ["going_online", "online"]
    assert draw(node).endswith("|........|OOOOOOOO|")
    assert sum(managed(node)) - before == 8
    assert node.zones[zone].end_pfn == 48
    assert node.memory_blocks.zone_id(2) is zone
    assert observe_runs(node)[40].owner == page_offline.NEVER_ONLINED
    assert verify(node) == []


def test_online_puts_fresh_pages_at_the_tail() -> None:
    """B-3: what was there before is used first."""
    node = parse(PICTURE)
    hotplug.add_memory(node, 32, 48)
    hotplug.online_pages(node, 32, 48, NORMAL)
    assert observe_lists(node)[2, 4, 1] == [16, 32]


def test_online_recomputes_watermarks() -> None:
    """INV-29: marks are there from the first onlining on."""
    node = parse(PICTURE)
    assert node.zones[NORMAL].watermarks.min == 0
    hotplug.add_memory(node, 32, 48)
    hotplug.online_pages(node, 32, 48, NORMAL)
    assert node.zones[NORMAL].watermarks.min > 0


def test_offline_moves_used_pages_away() -> None:
    """HP-5: clean page cache is moved like everything else; the block leaves the zone."""
    node = parse("|MfFB....|T-------|........|........|........|........|")
    owners = {run.owner for run in observe_runs(node).values()}
    assert hotplug.offline_pages(node, 0, SIZE).result is Errno.OK
    assert draw(node).startswith("|        |        |")
    assert {run.owner for run in observe_runs(node).values()} == owners
    zone = node.zones[NORMAL]
    assert (zone.start_pfn, zone.present, zone.managed) == (16, 32, 32)
    assert node.memory_blocks.state(0) is MemoryBlockState.OFFLINE
    assert verify(node) == []


@pytest.mark.parametrize(("block", "span"), [(0, (16, 48)), (1, (0, 48)), (2, (0, 32))])
def test_offline_shrinks_the_span_at_its_ends(block: int, span: tuple[int, int]) -> None:
    """HP-8: a hole in the middle stays spanned."""
    node = parse("|........|........|........|........|........|........|")
    assert hotplug.offline_pages(node, block * SIZE, (block + 1) * SIZE).result is Errno.OK
    assert (node.zones[NORMAL].start_pfn, node.zones[NORMAL].end_pfn) == span
    assert node.zones[NORMAL].present == 32
    assert verify(node) == []


def test_offline_of_the_last_block_empties_the_zone() -> None:
    """A zone without memory spans nothing, and has no marks."""
    node = parse("|....|....|", Style(zone=MOVABLE))
    assert hotplug.offline_pages(node, 0, 8).result is Errno.OK
    zone = node.zones[MOVABLE]
    assert (zone.start_pfn, zone.end_pfn, zone.present, zone.managed, zone.nr_free) == (0, 0, 0, 0, 0)
    assert zone.watermarks == (0, 0, 0)
    assert verify(node) == []


@pytest.mark.parametrize(
    ("picture", "zone", "result"),
    [
        ("|U.......|........|........|........|", NORMAL, Errno.EBUSY),
        ("|R.......|........|........|........|", MOVABLE, Errno.EBUSY),
        ("|P.M.....|........|........|........|", NORMAL, Errno.EINTR),
        ("|U.M.....|........|........|........|", MOVABLE, Errno.EINTR),
        ("|MM......|........|UUUUUUUU|UUUUUUUU|", NORMAL, Errno.ENOMEM),
    ],
)
def test_offline_that_fails_gives_the_block_back(picture: str, zone: ZoneId, result: Errno) -> None:
    """HP-5: unmovable is EBUSY, nowhere to go ENOMEM; a pin would keep Linux trying for ever, us for 100 rounds."""
    node = parse(picture, Style(zone=zone))
    before = observe(node)
    assert hotplug.offline_pages(node, 0, SIZE).result is result
    assert observe(node).counters == before.counters
    assert node.memory_blocks.zone_id(0) is zone
    # The picture itself puts a kernel page into ZONE_MOVABLE.
    assert {broken.id for broken in verify(node)} <= {"INV-15"}


@pytest.mark.parametrize("pair", [(0, 8), (8, 16), (0, 48), (32, 48), (16, 0)])
def test_offline_of_impossible_range_is_einval(pair: tuple[int, int]) -> None:
    """Half memory blocks, holes, reversed ranges."""
    node = parse(PICTURE)
    before = observe(node)
    assert hotplug.offline_pages(node, *pair).result is Errno.EINVAL
    assert observe(node) == before


@pytest.mark.parametrize("policy_name", ["linux-5.15", "linux-6.17"])
@pytest.mark.parametrize("zone", [NORMAL, MOVABLE])
def test_offline_with_unplugged_pages_takes_managed_ones_only(zone: ZoneId, policy_name: str) -> None:
    """S33, HP-7: managed falls by the plugged pages, whoever sees to it; a poisoned page was managed and goes too."""
    node = parse("|........|OOOOOOOO|.......W|........|", Style(zone=zone, policy=policy_name))
    holder = Holder(node, [(8, 16)])
    before = node.zones[zone].managed
    assert hotplug.offline_pages(node, 0, 16).result is Errno.OK
    assert before - node.zones[zone].managed == 8
    assert holder.actions() == ["going_offline", "offline"]
    assert node.released == []
    assert verify(node) == []


@pytest.mark.parametrize("policy_name", ["linux-5.15", "linux-6.17"])
def test_offline_that_fails_behind_unplugged_pages_is_cancelled(policy_name: str) -> None:
    """S33 with a pinned page: the references are taken again, and managed is as before, whoever moved it."""
    node = parse("|OOOOOOOO|P.......|........|........|", Style(policy=policy_name))
    holder = Holder(node, [(0, 8)])
    before = observe(node).counters
    outcome = hotplug.offline_pages(node, 0, 16)
    assert (outcome.result, outcome.obstacle) == (Errno.EINTR, Obstacle(8, PageKind.PINNED))
    assert outcome.is_simulator_limit
    assert observe(node).counters == before
    assert holder.actions() == ["going_offline", "cancel_offline"]
    assert node.released == []
    assert verify(node) == []


def test_offline_of_pages_whose_driver_does_not_let_go_is_busy() -> None:
    """HP-7: the reference of a driver that is gone keeps its unplugged pages, and their memory block, online."""
    node = parse("|........|OOOOOOOO|........|........|")
    before = observe(node)
    outcome = hotplug.offline_pages(node, 0, 16)
    assert (outcome.result, outcome.obstacle) == (Errno.EBUSY, Obstacle(8, PageKind.OFFLINE))
    assert observe(node).counters == before.counters
    assert verify(node) == []


@pytest.mark.parametrize("rounds", [1, 7])
def test_offline_tries_as_often_as_the_rules_say(rounds: int) -> None:
    """HP-6: Linux has no limit; the outcome says that it is the simulator's, and how many rounds it was."""
    node = parse("|P.......|........|........|........|")
    node.hotplug_rules = HotplugRules(offline_max_rounds=rounds)
    outcome = hotplug.offline_pages(node, 0, 16)
    assert (outcome.result, outcome.nr_rounds, outcome.is_simulator_limit) == (Errno.EINTR, rounds, True)


@pytest.mark.parametrize(
    ("picture", "refuses", "heard"),
    [
        (PICTURE, MemoryAction.GOING_ONLINE, ["going_online", "cancel_online"]),
        (
            "|........|........|........|........|MM......|........|",
            MemoryAction.GOING_OFFLINE,
            ["going_offline", "cancel_offline"],
        ),
    ],
)
def test_refusal_of_a_listener_changes_nothing(picture: str, refuses: MemoryAction, heard: list[str]) -> None:
    """HP-4, HP-5: who refuses ends it, everybody hears that it is off, and there is an event."""
    node = parse(picture)
    first, last = Holder(node, refuses=refuses), Holder(node)
    sink = ListSink()
    if refuses is MemoryAction.GOING_ONLINE:
        hotplug.add_memory(node, 32, 48)
    before = observe(node).counters, node.memory_blocks.present_ids()
    node.sink = sink
    if refuses is MemoryAction.GOING_ONLINE:
        assert hotplug.online_pages(node, 32, 48, MOVABLE) is Errno.EPERM
    else:
        assert hotplug.offline_pages(node, 32, 48).result is Errno.EPERM
    assert (observe(node).counters, node.memory_blocks.present_ids()) == before
    assert (first.actions(), last.actions()) == (heard, heard[1:])
    assert MemoryBlockRefused(2, str(refuses), "EPERM") in sink.events
    assert verify(node) == []


def test_remove_frees_the_memmap() -> None:
    """HP-9: only an offline block; then it is absent, and its memmap free."""
    node = parse(PICTURE)
    before = observe(node)
    hotplug.add_memory(node, 32, 48)
    hotplug.online_pages(node, 32, 48, MOVABLE)
    assert hotplug.remove_memory(node, 32, 48) is Errno.EBUSY
    assert hotplug.offline_and_remove_memory(node, 32, 48).result is Errno.OK
    after = observe(node)
    assert (after.runs, after.counters, after.memory_blocks) == (
        before.runs,
        before.counters,
        before.memory_blocks,
    )
    assert verify(node) == []


def test_offline_and_remove_brings_blocks_online_again_when_one_fails() -> None:
    """HP-9: the first two go offline, the third cannot."""
    node = parse("|........|........|........|........|U.......|........|........|........|")
    assert hotplug.offline_and_remove_memory(node, 0, 48).result is Errno.EBUSY
    assert node.memory_blocks.present_ids() == [0, 1, 2, 3]
    assert [node.memory_blocks.zone_id(block) for block in range(3)] == [NORMAL] * 3
    assert managed(node) == [64, 0]
    assert verify(node) == []


def test_rollback_withholds_again_what_was_withheld() -> None:
    """HP-9: the first block's unplugged pageblock is the driver's again, and not managed, when the second fails."""
    node = parse("|........|OOOOOOOO|........|U.......|........|........|")
    holder = Holder(node, [(8, 16)])
    before = managed(node)
    assert hotplug.offline_and_remove_memory(node, 0, 32).result is Errno.EBUSY
    assert holder.actions() == ["going_offline", "offline", "going_online", "online"]
    assert managed(node) == before
    assert draw(node).startswith("|........|OOOOOOOO|")
    assert verify(node) == []


def test_offline_and_remove_of_offline_block_removes_it() -> None:
    """A block that is offline already is only removed."""
    node = parse(PICTURE)
    hotplug.add_memory(node, 32, 48)
    assert hotplug.offline_and_remove_memory(node, 32, 48).result is Errno.OK
    assert node.memory_blocks.state(2) is MemoryBlockState.ABSENT


def test_every_change_of_a_memory_block_is_an_event() -> None:
    """Which block, its state, and its zone when it has one."""
    node = parse(PICTURE)
    sink = ListSink()
    node.sink = sink
    hotplug.add_memory(node, 32, 48)
    hotplug.online_pages(node, 32, 48, MOVABLE)
    hotplug.offline_and_remove_memory(node, 32, 48)
    assert sink.events == [
        MemoryBlockChanged(2, "offline", ""),
        MemoryBlockChanged(2, "online", "Movable"),
        MemoryBlockChanged(2, "offline", ""),
        MemoryBlockChanged(2, "absent", ""),
    ]


SPANNING = [name for name, it in POLICIES.items() if str(it.boundary) != "none"]


@pytest.mark.parametrize("policy_name", SPANNING)
def test_memory_block_inside_a_free_page_goes_offline_and_comes_back(policy_name: str) -> None:
    """G-8, I-7: the free page over two memory blocks is cut, merges stop where one is offline, and merge again."""
    node = spanning_node(policy_name)
    assert node.nr_free[NORMAL].tolist() == [0, 0, 0, 0, 0, 0, 0, 2]
    assert hotplug.offline_pages(node, 64, 128).result is Errno.OK
    assert node.nr_free[NORMAL].tolist() == [0, 0, 0, 0, 0, 0, 1, 1]
    pfn = node.alloc_page(PageKind.UNMOVABLE, 0, 1)
    node.free_runs(np.array([pfn], np.int64))
    assert node.nr_free[NORMAL].tolist() == [0, 0, 0, 0, 0, 0, 1, 1]
    assert verify(node) == []
    assert hotplug.online_pages(node, 64, 128, NORMAL) is Errno.OK
    assert node.nr_free[NORMAL].tolist() == [0, 0, 0, 0, 0, 0, 0, 2]
    assert verify(node) == []


@pytest.mark.parametrize("policy_name", SPANNING)
def test_contiguous_range_inside_a_free_page_over_sections_is_taken(policy_name: str) -> None:
    """G-8: what lies around it is given back in pieces; nothing beyond the section is isolated."""
    node = spanning_node(policy_name)
    outcome = alloc_contig_range(node, 72, 80, kind=PageKind.UNMOVABLE, owner=7)
    assert outcome.result is Errno.OK
    assert outcome.nr_pageblocks <= node.geometry.section_nr_pages // 8
    assert verify(node) == []
    assert node.free_runs(node.owned_pfns(7)) == 8
    assert node.nr_free[NORMAL].tolist() == [0, 0, 0, 0, 0, 0, 0, 2]


def spanning_node(policy_name: str) -> Node:
    """Returns a node of four memory blocks of 64 pages, and chunks of 128; watermarks are 0."""
    node = Node(preset("toy-spanning"), policy(policy_name), nr_pages=256)
    hotplug.boot_memory(node, 0, 256, NORMAL)
    node.set_free(0, 256)
    return node


def test_memory_is_added_to_a_node_with_its_memmap() -> None:
    """HP-1: the memmap is of the same node if that can give it; so is the zone, and its span."""
    node = two_nodes()
    for block in (4, 5):
        assert hotplug.add_memory(node, block * 64, block * 64 + 64, numa_node=1) == "0"
    assert [128 <= pfn < 256 for block in (4, 5) for pfn in node.memmaps[block]] == [True, True]
    assert hotplug.online_pages(node, 256, 320, ZoneId.NORMAL) == "0"
    zone = node.zones[6]
    assert (zone.present, zone.start_pfn, zone.end_pfn) == (192, 128, 320)
    assert verify(node) == []
    full = two_nodes()
    full.alloc_pages(PageKind.UNMOVABLE, 0, full.zones[6].nr_free, owner=1, numa_node=1)
    assert hotplug.add_memory(full, 256, 320, numa_node=1) == "0"
    assert [pfn < 128 for pfn in full.memmaps[4]] == [True]


def test_offline_moves_pages_to_other_nodes_alone() -> None:
    """Free pages of the same node do not count, as long as another node has memory."""
    node = two_nodes()
    assert node.alloc_at(192, 0, PageKind.ANON, owner=7)
    assert hotplug.offline_pages(node, 192, 256).result == "0"
    (pfn,) = node.owned_pfns(7).tolist()
    assert pfn < 128
    full = two_nodes()
    full.alloc_pages(PageKind.UNMOVABLE, 0, full.zones[2].nr_free, owner=1)
    while full.zones[2].nr_free:
        (pfn,) = [run.pfn for run in collect_runs(full) if run.kind is PageKind.FREE and run.pfn < 128][:1]
        assert full.alloc_at(pfn, 0, PageKind.UNMOVABLE, owner=1)
    assert full.alloc_at(192, 0, PageKind.ANON, owner=7)
    assert hotplug.offline_pages(full, 192, 256).result == "ENOMEM"
    assert full.zones[6].nr_free
    assert verify(full) == []


def test_offline_of_the_only_memory_moves_pages_within_it() -> None:
    """Where no other node has memory, the pages' own node is asked after all."""
    node = two_nodes(boot=(0, 4))
    assert node.alloc_at(192, 0, PageKind.ANON, owner=7)
    assert hotplug.offline_pages(node, 192, 256).result == "0"
    assert node.owned_pfns(7)[0] < 192
