"""A device as letters, a pageblock each."""

from dataclasses import replace

from app.mm.page import PageKind
from app.mm.policies.policy_text import parse_policy
from app.scenario.device_map import draw_device, draw_device_types
from app.scenario.stage import make_stage
from app.units import MIB
from tests.scenario.plays import GUEST

TOY = replace(GUEST, preset="toy", boot_size=16 * MIB, device_size=16 * MIB, requested_size=12 * MIB)


def test_device_shows_what_holds_each_pageblock() -> None:
    """The most stubborn page is shown; what is unplugged and what Linux does not have can be told apart."""
    fill = ((PageKind.ANON, 0), (PageKind.UNMOVABLE, 3), (PageKind.ANON, 9))
    start = replace(TOY, requested_size=6 * MIB, fill=fill)
    stage = make_stage(start, parse_policy("linux-5.19"))
    ends = (stage.first_pfn, stage.first_pfn + 128)
    assert draw_device(stage.node, *ends) == "|UM....OO|        |"
    assert draw_device_types(stage.node, *ends) == "|MMMMMMMM|        |"


def test_partly_plugged_memory_block_has_unplugged_pageblocks() -> None:
    """What was never plugged is offline, not absent."""
    stage = make_stage(TOY, parse_policy("linux-6.17"))
    assert draw_device(stage.node, stage.first_pfn, stage.first_pfn + 128) == "|........|....OOOO|"
