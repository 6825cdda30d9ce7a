"""CMA areas under the checker: each way of breaking INV-16 is seen, and weighed by what the policy does."""

from collections.abc import Callable

import pytest

from app.mm.checks.area_check import area_breaches
from app.mm.checks.invariants import verify
from app.mm.checks.laws import Sign, Weight
from app.mm.cma import activate_area, cma_alloc, declare_area
from app.mm.kernels import layout
from app.mm.node import Node
from app.mm.outcome import Errno
from app.mm.page import Migratetype
from app.mm.policies.policy_text import parse_policy
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted


def node_with_area(policy: str = "linux-5.19") -> Node:
    """Eight pageblocks of four pages; an area has the second to fourth, and its client three pages of the third."""
    node = parse("|....|....|....|....|....|M...|....|....|", Style(policy, types="MCCCMMMM"))
    area = declare_area(node, "dma", 4, 16)
    area.set_bits(0, 4)
    assert cma_alloc(node, area, 3).pfn == 8
    area.clear_bits(0, 4)
    return node


def put_client_page(node: Node, pfn: int) -> None:
    """Makes a page in use the client's."""
    layout.set_owner(node.arrays, pfn, node.cma_areas["dma"].owner)


BREAKS: tuple[tuple[str, Callable[[Node], object], Sign, str], ...] = (
    (
        "a pageblock of the area is MOVABLE",
        lambda node: node.arrays.block_type.__setitem__(1, Migratetype.MOVABLE),
        Sign.AREA_LOST,
        "pageblock at pfn 4",
    ),
    (
        "a pageblock of the area went offline",
        lambda node: node.arrays.block_zone.__setitem__(1, 0),
        Sign.AREA_LOST,
        "pageblock at pfn 4",
    ),
    (
        "a pageblock in the area's chunk is CMA",
        lambda node: node.arrays.block_type.__setitem__(0, Migratetype.CMA),
        Sign.AREA_GREW,
        "pageblock at pfn 0",
    ),
    (
        "a pageblock elsewhere is CMA",
        lambda node: node.arrays.block_type.__setitem__(6, Migratetype.CMA),
        Sign.IMPOSSIBLE,
        "pageblock at pfn 24",
    ),
    (
        "a bit without pages",
        lambda node: node.cma_areas["dma"].set_bits(0, 1),
        Sign.IMPOSSIBLE,
        "area dma, bit 0 (pfn 4)",
    ),
    (
        "pages without a bit",
        lambda node: node.cma_areas["dma"].clear_bits(4, 1),
        Sign.IMPOSSIBLE,
        "area dma, bit 4 (pfn 8)",
    ),
    (
        "a client's page outside its area",
        lambda node: put_client_page(node, 20),
        Sign.IMPOSSIBLE,
        "pages of areas' clients",
    ),
)


def test_area_breaches_of_sound_area_are_none() -> None:
    """The node that the other tests break is sound, with two kinds of policies."""
    for policy in ("linux-5.19", "linux-6.17"):
        assert verify(node_with_area(policy)) == []


@pytest.mark.parametrize(
    ("act", "sign", "where"), [case[1:] for case in BREAKS], ids=[case[0] for case in BREAKS]
)
def test_area_breaches_of_broken_area_name_place_and_sign(
    act: Callable[[Node], object], sign: Sign, where: str
) -> None:
    """Each half of the law is broken by hand, and seen."""
    node = node_with_area()
    act(node)
    assert [(broken.id, broken.where, broken.sign) for broken in area_breaches(node)] == [
        ("INV-16", where, sign)
    ]


def test_area_breaches_of_isolated_pageblock_are_none() -> None:
    """An isolated pageblock of an area is the area's, whichever way isolation is kept."""
    for policy, byte in (("linux-5.19", Migratetype.ISOLATE), ("linux-6.17", 8 | Migratetype.CMA)):
        node = node_with_area(policy)
        node.arrays.block_type[1] = byte
        assert list(area_breaches(node)) == []


def test_area_breaches_of_declared_area_are_none() -> None:
    """C-8: until it is activated, an area is boot memory, and its pageblocks are of any type."""
    node = parse("|RRRR|RRRR|....|....|")
    declare_area(node, "dma", 0, 8)
    assert verify(node) == []


def test_area_breaches_of_bit_filled_in_part_are_none() -> None:
    """A bit may stand for more pages than the last part of an allocation."""
    node = parse("|RRRR|RRRR|....|....|")
    area = declare_area(node, "dma", 0, 8, order_per_bit=2)
    activate_area(node, area)
    assert cma_alloc(node, area, 5).result is Errno.OK
    assert verify(node) == []


def test_verify_of_lost_pageblock_is_a_finding_where_the_edges_pass_the_cma_test() -> None:
    """I-9b; up to 6.9 a race of two operations loses one too."""
    for policy, weight in (
        ("linux-6.12+edge_ignores_cma=yes", Weight.FINDING),
        ("linux-6.12", Weight.FAILURE),
    ):
        node = node_with_area()
        node.policy = parse_policy(policy)
        node.arrays.block_type[2] = Migratetype.MOVABLE
        lost = [broken.weight for broken in verify(node) if broken.id == "INV-16"]
        assert lost == [weight]
