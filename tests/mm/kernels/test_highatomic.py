"""The HIGHATOMIC reserve: how it grows, where it ends, and how pressure takes it away."""

import pytest

from app.mm.checks.invariants import verify
from app.mm.kernels import layout
from app.mm.page import Migratetype, PageKind, Request
from app.mm.policies.policy import POLICIES
from app.mm.policies.switches import HighatomicRule
from app.mm.zone import ZoneId
from app.scenario.picture import draw_types
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

ALL = pytest.mark.parametrize("name", sorted(POLICIES))


@ALL
def test_highatomic_request_reserves_its_pageblock_and_comes_back_to_it(name: str) -> None:
    """B-12, B-22: the pageblock of the first such request is reserved; the next one is served from there."""
    node = parse("|" + "....|" * 1024, Style(name, chunk_shift=1))
    zone = node.stat[ZoneId.NORMAL]
    first = node.alloc_page(PageKind.UNMOVABLE, 1, 1, Request.HIGHATOMIC)
    assert (first, draw_types(node)[:2]) == (0, "HU")
    assert zone[layout.S_NR_RESERVED_HIGHATOMIC] == 4
    assert node.alloc_page(PageKind.UNMOVABLE, 1, 1, Request.HIGHATOMIC) == 2
    assert node.alloc_page(PageKind.UNMOVABLE, 0, 1, Request.HIGHATOMIC) == 4
    assert verify(node) == []


@ALL
def test_pressure_gives_up_the_reserve_to_the_last_pageblock(name: str) -> None:
    """B-23: a request that finds nothing else takes from it, pageblock by pageblock.

    Up to 6.9 a free block over two reserved pageblocks moves as a whole for the first (B-18), and the count of the
    second, which nobody can give up any more, keeps its pages from being used.
    """
    node = parse("|....|....|....|....|", Style(name, types="HHMM"))
    node.stat[ZoneId.NORMAL, layout.S_NR_RESERVED_HIGHATOMIC] = 8
    is_cut = node.policy.atomic_cut or node.policy.highatomic_rule is not HighatomicRule.RESERVED
    assert node.alloc_pages(PageKind.PINNED, 0, 16, owner=1) == (16 if is_cut else 12)
    assert draw_types(node) == ("MMMM" if is_cut else "MHMM")
    assert node.stat[ZoneId.NORMAL, layout.S_NR_RESERVED_HIGHATOMIC] == (0 if is_cut else 4)


@ALL
def test_reserve_ends_at_its_limit(name: str) -> None:
    """B-22: a hundredth of what the zone manages and one pageblock more; from 6.12 none while that is no pageblock."""
    node = parse("|" + "....|" * 64, Style(name))
    rows = [node.alloc_page(PageKind.UNMOVABLE, 1, 1, Request.HIGHATOMIC) for _ in range(128)]
    assert min(rows) >= 0
    reserved = {HighatomicRule.RESERVED: 8, HighatomicRule.ORDER: 8, HighatomicRule.FREE: 0}
    assert node.stat[ZoneId.NORMAL, layout.S_NR_RESERVED_HIGHATOMIC] == reserved[node.policy.highatomic_rule]
    assert draw_types(node).count("H") == reserved[node.policy.highatomic_rule] // 4


@ALL
def test_unreserve_keeps_one_pageblock_unless_forced(name: str) -> None:
    """B-23: and stops after one."""
    node = parse("|....|MMMM|....|MMMM|", Style(name, types="HMHM"))
    assert node.unreserve_highatomic(Migratetype.MOVABLE, is_forced=False)
    assert draw_types(node) == "MMHM"
    assert not node.unreserve_highatomic(Migratetype.MOVABLE, is_forced=False)
    assert node.unreserve_highatomic(Migratetype.UNMOVABLE, is_forced=True)
    assert draw_types(node) == "MMUM"
    assert not node.unreserve_highatomic(Migratetype.MOVABLE, is_forced=True)
    assert verify(node) == []
