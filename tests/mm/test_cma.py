"""CMA: areas declared and activated, pages taken place by place, and the locks that keep calls apart."""

from itertools import product

import pytest

from app.errors import InvalidValue
from app.mm.checks.invariants import verify
from app.mm.cma import (
    GLOBAL_LOCK,
    activate_area,
    cma_alloc,
    cma_alloc_sections,
    cma_release,
    declare_area,
    lock_of,
)
from app.mm.cma_area import CmaArea
from app.mm.digest import node_digest
from app.mm.node import Node
from app.mm.outcome import CmaOutcome, Errno
from app.mm.policies.policy import POLICIES
from app.mm.policies.policy_text import parse_policy
from app.mm.sections import Point, Sections, run
from app.scenario.picture import build, draw, draw_types
from app.scenario.script import PictureStart
from tests.model.pictures import Style, parse

pytestmark = pytest.mark.interpreted

EVERY_POLICY = pytest.mark.parametrize("policy", POLICIES)
# Policies under which an area may be half a chunk, and no law is broken meanwhile.
SAFE = [
    name
    for name, policy in POLICIES.items()
    if str(policy.cma_align) == "pageblock" and not policy.allow_unsafe
]


def area_on(picture: str, style: Style, start_pfn: int, end_pfn: int) -> tuple[Node, CmaArea]:
    """Returns a node of a picture, whose types are drawn as if the area were active, and its area."""
    node = parse(picture, style)
    return node, declare_area(node, "dma", start_pfn, end_pfn)


@EVERY_POLICY
def test_activation_frees_pageblocks_of_type_cma(policy: str) -> None:
    """C-8: what boot reserved is free, managed and CMA; it merges with none but its own."""
    node = parse("|........|........|RRRRRRRR|RRRRRRRR|RRRRRRRR|RRRRRRRR|", Style(policy))
    managed = node.zones[2].managed
    area = declare_area(node, "dma", 16, 32)
    activate_area(node, area)
    assert draw(node) == "|........|........|........|........|RRRRRRRR|RRRRRRRR|"
    assert draw_types(node) == "MMCCMM"
    zone = node.zones[2]
    assert (zone.nr_free, zone.nr_free_cma, zone.managed - managed) == (32, 16, 16)
    assert node.nr_free[2].tolist() == [0, 0, 0, 0, 2]
    assert verify(node) == []


def test_activation_cuts_reserved_tiles_at_the_ends_of_the_area() -> None:
    """S32: half a chunk of a reserved range becomes an area, the rest stays reserved."""
    node = parse("|RRRRRRRR|RRRRRRRR|RRRRRRRR|RRRRRRRR|", Style("linux-6.12"))
    activate_area(node, declare_area(node, "dma", 8, 24))
    assert draw(node) == "|RRRRRRRR|........|........|RRRRRRRR|"
    assert draw_types(node) == "MCCM"
    assert verify(node) == []


def test_activation_of_pages_in_use_is_a_defect() -> None:
    """Boot memory of an area is reserved until then."""
    node, area = area_on("|M.......|........|", Style("linux-5.19"), 0, 16)
    with pytest.raises(AssertionError, match="in use"):
        activate_area(node, area)


@EVERY_POLICY
def test_misaligned_area_is_refused_where_areas_are_chunks(policy: str) -> None:
    """S32: a base at an odd pageblock is EINVAL up to 5.18, and none of the node's business then."""
    node = parse("|........|........|........|........|", Style(policy))
    if str(POLICIES[policy].cma_align) == "pageblock":
        assert declare_area(node, "dma", 8, 16) is node.cma_areas["dma"]
        return
    with pytest.raises(InvalidValue) as raised:
        declare_area(node, "dma", 8, 16)
    assert raised.value.members["field"] == "base"
    assert raised.value.members["alignment"] == 16 * 4096
    assert node.cma_areas == {}


@pytest.mark.parametrize(
    ("name", "start_pfn", "end_pfn", "field"),
    [
        ("dma", 16, 32, "name"),
        ("other", 0, 16, "base"),
        ("other", 0, 32, "base"),
        ("other", 32, 64, "base"),
        ("other", 48, 64, "base"),
        ("other", 16, 16, "size"),
    ],
)
def test_area_has_pages_of_its_own_in_one_zone(name: str, start_pfn: int, end_pfn: int, field: str) -> None:
    """C-7: a name twice, pages of another area, and pages that are not online are refused."""
    node = parse("|........|........|........|........|        |        |")
    declare_area(node, "dma", 0, 16)
    with pytest.raises(InvalidValue) as raised:
        declare_area(node, name, start_pfn, end_pfn)
    assert raised.value.members["field"] == field
    assert list(node.cma_areas) == ["dma"]


@EVERY_POLICY
def test_alloc_moves_borrowers_out_and_release_gives_back(policy: str) -> None:
    """C-9, C-11: movable pages that borrowed the area go, and the pages come back as CMA."""
    node, area = area_on("|MM......|MMMMMMMM|........|........|", Style(policy, types="CCMM"), 0, 16)
    outcome = cma_alloc(node, area, 10)
    assert (outcome.result, outcome.pfn, len(outcome.calls)) == (Errno.OK, 0, 1)
    assert (area.nr_used_pages, node.owned_pfns(area.owner).tolist()) == (10, list(range(10)))
    assert verify(node) == []
    assert not cma_release(node, area, 0, 11)
    assert cma_release(node, area, 0, 10)
    assert area.nr_used_pages == 0
    assert node.owned_pfns(area.owner).size == 0
    assert draw_types(node) == "CCMM"
    assert verify(node) == []


@EVERY_POLICY
def test_alloc_tries_the_next_place_where_one_is_busy(policy: str) -> None:
    """C-9: a pinned page costs one call for each place that holds it, one bit further each."""
    node, area = area_on("|..P.....|........|", Style(policy, types="CC"), 0, 16)
    outcome = cma_alloc(node, area, 2)
    assert (outcome.result, outcome.pfn) == (Errno.OK, 0)
    outcome = cma_alloc(node, area, 2)
    assert [str(call.result) for call in outcome.calls] == ["EBUSY", "0"]
    assert outcome.pfn == 3
    assert bytes(area.bitmap) == bytes([1, 1, 0, 1, 1] + [0] * 11)
    assert (outcome.calls[0].step, draw_types(node)) == ("migrate", "CC")


def test_alloc_aligned_skips_whole_alignments() -> None:
    """C-9: after a busy place the next multiple is tried."""
    node, area = area_on("|..P.....|........|", Style("linux-5.19", types="CC"), 0, 16)
    outcome = cma_alloc(node, area, 3, 2)
    assert (outcome.pfn, len(outcome.calls)) == (4, 2)


@EVERY_POLICY
def test_alloc_that_finds_no_place_leaves_the_bitmap(policy: str) -> None:
    """C-9: EBUSY when every place was tried, ENOMEM without a call when no bits are free."""
    node, area = area_on("|P.......|........|", Style(policy, types="CC"), 0, 16)
    outcome = cma_alloc(node, area, 16)
    assert (outcome.result, outcome.pfn, len(outcome.calls)) == (Errno.EBUSY, -1, 1)
    assert cma_alloc(node, area, 17) == CmaOutcome(Errno.ENOMEM)
    assert (area.nr_used_pages, node.locks) == (0, set())
    assert verify(node) == []


@EVERY_POLICY
def test_alloc_without_migration_target_fails_at_once(policy: str) -> None:
    """C-9: any other result than EBUSY ends the walk: ENOMEM, after one call."""
    node, area = area_on("|MMMMMMMM|MMMMMMMM|", Style(policy, types="CC"), 0, 16)
    outcome = cma_alloc(node, area, 2)
    assert (outcome.result, len(outcome.calls), area.nr_used_pages) == (Errno.ENOMEM, 1, 0)


def test_alloc_with_coarse_bits_takes_pages_and_books_bits() -> None:
    """C-7: three pages of an area with four pages to a bit are one bit; the fourth page stays free."""
    node = parse("|........|........|", Style("linux-5.19", types="CC"))
    area = declare_area(node, "dma", 0, 16, order_per_bit=2)
    assert [cma_alloc(node, area, nr_pages).pfn for nr_pages in (3, 5)] == [0, 4]
    assert (bytes(area.bitmap), area.nr_used_pages) == (bytes([1, 1, 1, 0]), 12)
    assert draw(node) == "|UUU.UUUU|U.......|"
    assert cma_release(node, area, 4, 5)
    assert bytes(area.bitmap) == bytes([1, 0, 0, 0])


@EVERY_POLICY
def test_sections_run_to_their_end_are_the_whole_act(policy: str) -> None:
    """Without anybody in between both forms give the same outcome and the same node."""
    picture = "|..P.....|MMM.....|........|MM......|........|........|"
    outcomes: list[CmaOutcome] = []
    digests = []
    for _ in range(2):
        node, area = area_on(picture, Style(policy, types="CCCCMM"), 0, 32)
        is_whole = not outcomes
        outcomes.append(
            cma_alloc(node, area, 9, 1) if is_whole else run(cma_alloc_sections(node, area, 9, 1))
        )
        digests.append(node_digest(node))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0].result is Errno.OK
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("policy", "locks"),
    [
        ("linux-5.10", {GLOBAL_LOCK}),
        ("rfc-v1", {""}),
        ("linux-6.12", {GLOBAL_LOCK}),
        ("linux-6.16", {f"{GLOBAL_LOCK}:x", f"{GLOBAL_LOCK}:y"}),
    ],
)
def test_lock_is_the_policys(policy: str, locks: set[str]) -> None:
    """C-10: one for all areas, none, or one for each."""
    node = parse("|........|........|........|........|", Style(policy, types="CCCC"))
    areas = [declare_area(node, name, 16 * number, 16 * number + 16) for number, name in enumerate("xy")]
    assert {lock_of(node, area) for area in areas} == locks


def test_alloc_waits_while_somebody_holds_the_lock() -> None:
    """C-10: the second call does nothing but wait, then goes on; in one go it would wait for ever."""
    node = parse("|........|........|........|........|", Style("linux-5.19", types="CCCC"))
    x, y = declare_area(node, "x", 0, 16), declare_area(node, "y", 16, 32)
    first, second = cma_alloc_sections(node, x, 8), cma_alloc_sections(node, y, 8)
    next(first)
    assert next(second) == (Point.WAIT, 16, GLOBAL_LOCK)
    assert y.nr_used_pages == 8
    with pytest.raises(AssertionError, match="lock"):
        cma_alloc(node, y, 1)
    assert run(first).pfn == 0
    assert run(second).pfn == 16
    assert node.locks == set()


def outcome_of(actor: Sections[CmaOutcome]) -> CmaOutcome | None:
    """Does one step; returns the outcome when that was the last."""
    try:
        next(actor)
    except StopIteration as stop:
        outcome: CmaOutcome = stop.value
        return outcome
    return None


def run_in_turns(actors: list[Sections[CmaOutcome]], schedule: tuple[int, ...]) -> list[CmaOutcome]:
    """Runs two actors in the order of the schedule, then by turns to their ends."""
    outcomes: dict[int, CmaOutcome] = {}
    for turn in (*schedule, *([0, 1] * 200)):
        outcome = None if turn in outcomes else outcome_of(actors[turn])
        if outcome is not None:
            outcomes[turn] = outcome
    return [outcomes[0], outcomes[1]]


@pytest.mark.parametrize("policy", SAFE)
def test_areas_in_one_chunk_do_not_harm_each_other(policy: str) -> None:
    """S11: whatever the order, both have their pages in the end or one was told EBUSY, and all laws hold."""
    for schedule in product((0, 1), repeat=6):
        node = parse("|........|........|", Style(policy, types="CC"))
        areas = [declare_area(node, name, 8 * number, 8 * number + 8) for number, name in enumerate("xy")]
        outcomes = run_in_turns([cma_alloc_sections(node, area, 8) for area in areas], schedule)
        assert {str(outcome.result) for outcome in outcomes} <= {"0", "EBUSY"}
        assert verify(node) == []


@pytest.mark.parametrize("lock", ["none", "global", "per-area"])
@pytest.mark.parametrize("policy", ["linux-5.19", "linux-6.12", "linux-6.17"])
def test_calls_on_one_area_have_pages_of_their_own(policy: str, lock: str) -> None:
    """C-9: bits are set before pages are taken, so that no order of two calls gives a page twice."""
    for schedule in product((0, 1), repeat=6):
        start = PictureStart("|........|........|........|........|", types="CCCC")
        node = build(start, parse_policy(f"{policy}+cma_lock={lock}"))
        area = declare_area(node, "dma", 0, 32)
        outcomes = run_in_turns([cma_alloc_sections(node, area, 12) for _ in range(2)], schedule)
        results = [str(outcome.result) for outcome in outcomes]
        # Without a lock one may find the other's pageblock isolated at every place that is left (C-10).
        assert set(results) <= ({"0", "EBUSY"} if lock == "none" else {"0"})
        nr_pages = 12 * results.count("0")
        assert area.nr_used_pages == node.owned_pfns(area.owner).size == nr_pages
        assert verify(node) == []


def test_areas_in_one_chunk_collide_where_chunks_are_isolated() -> None:
    """S11: with 5.15's outer range who comes second is told EBUSY at every place of its area: a storm for nothing."""
    forced = parse_policy("linux-5.15+allow_unsafe=yes,cma_align=pageblock,cma_lock=none")
    node = build(PictureStart("|........|........|", types="CC"), forced)
    x, y = declare_area(node, "x", 0, 8), declare_area(node, "y", 8, 16)
    first = cma_alloc_sections(node, x, 2)
    assert next(first).point is Point.ISOLATE
    assert next(first).point is Point.ISOLATE
    outcome = run(cma_alloc_sections(node, y, 2))
    assert (outcome.result, len(outcome.calls)) == (Errno.EBUSY, 7)
    assert {call.step for call in outcome.calls} == {"isolate"}
    assert y.nr_used_pages == 0
    assert run(first).result is Errno.OK
