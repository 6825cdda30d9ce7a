"""The notifier chain: who is asked, who is told, and who is there."""

from app.mm.notifier import MemoryAction, MemoryChange
from app.mm.outcome import Errno
from app.mm.zone import ZoneId
from tests.mm.holder import Holder
from tests.mm.small_nodes import toy_node

_CHANGE = MemoryChange(MemoryAction.GOING_ONLINE, 64, 128, ZoneId.NORMAL)


def test_ask_ends_at_the_first_refusal_and_tell_goes_round() -> None:
    """Listeners hear in the order in which they subscribed."""
    node = toy_node()
    first, second, third = Holder(node), Holder(node, refuses=MemoryAction.GOING_ONLINE), Holder(node)
    assert node.listeners.ask(_CHANGE) is Errno.EPERM
    assert [len(listener.heard) for listener in (first, second, third)] == [1, 1, 0]
    node.listeners.tell(_CHANGE)
    assert [len(listener.heard) for listener in (first, second, third)] == [2, 2, 1]


def test_chain_keeps_no_listener_alive() -> None:
    """A driver that is gone hears nothing, and neither does one that unsubscribed."""
    node = toy_node()
    gone, left, stays = Holder(node, [(8, 16)]), Holder(node, [(0, 8)]), Holder(node, [(16, 24)])
    assert node.listeners.withheld(0, 64) == [(0, 8), (8, 16), (16, 24)]
    del gone
    node.listeners.unsubscribe(left)
    assert list(node.listeners) == [stays]
    assert node.listeners.withheld(0, 64) == [(16, 24)]
    assert node.listeners.ask(_CHANGE) is Errno.OK
