"""Stages: what a start becomes, and what acts find there."""

from dataclasses import replace

import pytest

from app.errors import InvalidValue
from app.mm.page import Migratetype, PageKind
from app.mm.policies.policy_text import parse_policy
from app.mm.zone import ZoneId
from app.scenario.script import PictureStart
from app.scenario.stage import GuestStage, make_stage
from app.units import GIB
from tests.scenario.plays import GUEST

POLICY = parse_policy("linux-5.19")


def test_picture_becomes_a_node_of_its_zone() -> None:
    """Counters are those of the zone that the start names; new owners are nobody's yet."""
    stage = make_stage(PictureStart("|M...|....|", zone="Movable"), POLICY)
    assert (stage.zone.index, stage.first_pfn) == (ZoneId.MOVABLE, 0)
    assert stage.new_owner() != stage.new_owner() > stage.node.nr_pages


def test_type_bytes_name_pageblocks_by_their_first_page() -> None:
    """Holes have no type."""
    stage = make_stage(PictureStart("|....|....|    |    |", types="RUMM"), POLICY)
    types = {0: Migratetype.RECLAIMABLE, 4: Migratetype.UNMOVABLE}
    assert stage.type_bytes(0, 16) == {pfn: bytes([kind]) for pfn, kind in types.items()}


def test_stage_knows_for_whom_operations_take_pages() -> None:
    """While they last, each by itself."""
    stage = make_stage(PictureStart("|....|....|"), POLICY)
    with stage.working_for(7):
        with stage.working_for(7):
            assert stage.owners_under_way == [7, 7]
        assert stage.owners_under_way == [7]
    assert stage.owners_under_way == []


def test_guest_has_run_its_driver_and_is_filled() -> None:
    """Pages are named from the device's first one on; what happened before the play is no event of it."""
    stage = make_stage(replace(GUEST, fill=((PageKind.UNMOVABLE, 7),)), POLICY, fallback=("pageblock",))
    assert isinstance(stage, GuestStage)
    assert stage.first_pfn == 4 * GIB // 4096
    assert stage.node.kind_of(stage.first_pfn + 7) is PageKind.UNMOVABLE
    assert stage.device.plugged_size == GUEST.requested_size
    assert stage.guest.identity.fallback == ("pageblock",)
    assert stage.take_events() == []
    stage.guest.resize("vm0", 0)
    assert stage.take_events() != [] == stage.take_events()


def test_fill_of_a_page_that_is_not_plugged_is_refused() -> None:
    """The error names the page."""
    start = replace(GUEST, requested_size=0, fill=((PageKind.ANON, 5),))
    with pytest.raises(InvalidValue, match=r"start\.fill is 5") as refused:
        make_stage(start, POLICY)
    assert refused.value.members["value"] == 5
