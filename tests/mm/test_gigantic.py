"""Gigantic pages: where one is taken, what it costs, and that nothing moves it afterwards."""

import pytest

from app.mm import vmstat
from app.mm.checks.invariants import verify
from app.mm.contig import alloc_contig_range
from app.mm.gigantic import alloc_gigantic, count_gigantic, gigantic_owner
from app.mm.hotplug import offline_pages
from app.mm.node import Node
from app.mm.outcome import Errno
from app.mm.page import PageKind
from app.mm.policies.policy import POLICIES
from app.mm.zone import ZoneId
from app.scenario.picture import draw
from tests.mm.small_nodes import two_nodes
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

EVERY_POLICY = pytest.mark.parametrize("policy", POLICIES)
# Of two chunks, as all pictures here draw chunks of 8 pages.
ORDER = 4
EMPTY = "|....|....|....|....|"


def node_of(chunks: str, policy: str = "linux-6.12", zone: ZoneId = ZoneId.NORMAL) -> Node:
    """Returns a node of a picture with pageblocks of 4 pages, two to a chunk."""
    return parse(chunks, Style(policy, zone=zone))


@EVERY_POLICY
def test_gigantic_page_is_the_first_aligned_range_that_can_be_emptied(policy: str) -> None:
    """K-3: an unmovable page costs a call, a movable one moves; runs of the largest order tile the range."""
    node = node_of(f"|.U..|....|....|....|..M.|....|....|....|{EMPTY[1:]}", policy)
    outcome = alloc_gigantic(node, ORDER, 7)
    assert outcome.pfn == 16
    assert [str(call.result) for call in outcome.calls] == ["EBUSY", "0"]
    assert "|G---|----|G---|----|" in draw(node)
    assert node.owned_pfns(gigantic_owner(7)).tolist() == [16, 24]
    assert verify(node) == []


@pytest.mark.parametrize("first", ["RRRR|....|....|....", "....|G-..|....|....", "    |    |....|...."])
def test_ranges_with_reserved_pages_huge_pages_or_holes_are_not_tried(first: str) -> None:
    """As the kernel's candidates: no call is made for them."""
    outcome = alloc_gigantic(node_of(f"|{first}{EMPTY}"), ORDER, 7)
    assert (outcome.pfn, len(outcome.calls)) == (16, 1)


def test_gigantic_page_is_never_taken_from_movable_zones() -> None:
    """It could not be migrated away again."""
    assert alloc_gigantic(node_of(EMPTY, zone=ZoneId.MOVABLE), ORDER, 7) == (-1, ())


def test_no_range_that_can_be_emptied_tells_every_attempt() -> None:
    """All failed: -1, and the calls that it took."""
    node = node_of("|.U..|....|....|....|P...|....|....|....|")
    outcome = alloc_gigantic(node, ORDER, 7)
    assert (outcome.pfn, [call.step for call in outcome.calls]) == (-1, ["isolate", "migrate"])


@EVERY_POLICY
def test_contiguous_range_over_gigantic_page_has_no_memory(policy: str) -> None:
    """K-3: migration of one fails at once with ENOMEM, and the page stays whole."""
    node = node_of(f"{EMPTY}....|....|....|....|", policy)
    alloc_gigantic(node, ORDER, 7)
    before = draw(node)
    outcome = alloc_contig_range(node, 8, 16, kind=PageKind.UNMOVABLE, owner=9)
    assert (outcome.result, outcome.step) == (Errno.ENOMEM, "migrate")
    assert draw(node) == before
    assert verify(node) == []


def test_memory_with_a_gigantic_page_does_not_go_offline() -> None:
    """HP-5: the same for a memory block."""
    node = node_of(f"{EMPTY}....|....|....|....|")
    alloc_gigantic(node, ORDER, 7)
    assert offline_pages(node, 0, 8).result is Errno.ENOMEM
    assert verify(node) == []


@EVERY_POLICY
def test_freed_gigantic_page_comes_back_in_pieces_of_the_largest_order(policy: str) -> None:
    """K-4: no free page is larger than a chunk."""
    node = node_of(EMPTY, policy)
    alloc_gigantic(node, ORDER, 7)
    assert node.free_runs(node.owned_pfns(gigantic_owner(7))) == 16
    assert node.nr_free[ZoneId.NORMAL].tolist() == [0, 0, 0, 2]
    assert verify(node) == []


def test_gigantic_pages_are_counted_apart_from_other_huge_pages() -> None:
    """A hugetlb page as large as a chunk is no gigantic one; meminfo's pool of the default size has it alone."""
    node = node_of(f"{EMPTY}G---|----|....|....|")
    alloc_gigantic(node, ORDER, 7)
    assert count_gigantic(node) == 16
    lines = dict(line.split(":") for line in vmstat.meminfo(node).splitlines())
    assert (lines["HugePages_Total"].strip(), lines["Hugetlb"].strip()) == ("2", "96 kB")


def test_gigantic_page_is_of_the_preferred_node_if_it_can() -> None:
    """K-4: as a zonelist has the zones: all of one node before another's."""
    node = two_nodes(4, policy_name="linux-6.12")
    found = [alloc_gigantic(node, 6, owner, numa_node=1).pfn for owner in range(1, 6)]
    assert found == [128, 192, 0, 64, -1]
