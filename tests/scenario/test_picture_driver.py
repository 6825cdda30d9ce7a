"""The driver of a picture's offline pages: lets go of them, and has them again."""

import pytest

from app.mm import hotplug
from app.mm.checks.invariants import verify
from app.scenario.picture import draw
from app.scenario.picture_driver import PictureDriver
from tests.model.pictures import Style, parse


@pytest.mark.parametrize("policy_name", ["linux-5.15", "linux-6.17"])
def test_memory_blocks_that_come_back_have_their_offline_pages_again(policy_name: str) -> None:
    """HP-9: the second block cannot go, so the first one is online again as it was; managed by either account."""
    picture = "|........|..OO....|........|U.......|........|........|"
    node = parse(picture, Style(policy=policy_name))
    driver = PictureDriver(node)
    managed = node.zones[2].managed
    assert hotplug.offline_and_remove_memory(node, 0, 32).result == "EBUSY"
    assert draw(node) == picture
    assert node.zones[2].managed == managed
    assert driver.withheld(0, 32) == []
    assert verify(node) == []


def test_block_that_stays_keeps_its_pages_held() -> None:
    """HP-7: CANCEL_OFFLINE takes the references again."""
    picture = "|........|OOOOOOOO|P.......|........|"
    node = parse(picture)
    driver = PictureDriver(node)
    assert hotplug.offline_pages(node, 0, 16).result == "0"
    assert hotplug.offline_pages(node, 16, 32).result == "EINTR"
    assert node.released == []
    assert driver.withheld(16, 32) == []
    assert verify(node) == []
