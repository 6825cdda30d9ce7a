"""The memory notifier chain: drivers hear what memory goes on- and offline, may refuse, and keep pages of their own.

    GOING_ONLINE ──▶ pages ──▶ ONLINE            GOING_OFFLINE ──▶ migration ──▶ OFFLINE
         └─ refused ──▶ CANCEL_ONLINE                 └─ refused, or failed ──▶ CANCEL_OFFLINE

Mirrors memory_notify() of drivers/base/memory.c and set_online_page_callback() (HP-4, HP-5, 8.8).
Kept here: listeners are asked in the order in which they subscribed; a refusal is told to all of them.
Left out: what a listener does (app.virtio_mem.driver), node states.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol
from weakref import ref

from app.mm.outcome import Errno
from app.mm.zone import ZoneId


class MemoryAction(StrEnum):
    """What is going to happen to memory, or has happened."""

    GOING_ONLINE = "going_online"
    ONLINE = "online"
    CANCEL_ONLINE = "cancel_online"
    GOING_OFFLINE = "going_offline"
    OFFLINE = "offline"
    CANCEL_OFFLINE = "cancel_offline"


class MemoryChange(NamedTuple):
    """One action on the memory blocks of [start_pfn, end_pfn); zone: where they are or shall be online."""

    action: MemoryAction
    start_pfn: int
    end_pfn: int
    zone: ZoneId


class MemoryListener(Protocol):
    """What subscribes to the chain."""

    def notify(self, change: MemoryChange) -> Errno:
        """Hears of a change; only of GOING_ONLINE and GOING_OFFLINE does the answer count: not OK refuses it."""

    def withheld(self, start_pfn: int, end_pfn: int) -> Sequence[tuple[int, int]]:
        """Returns the ranges of onlining memory that stay with the listener, ascending, whole pageblocks."""


class ListenerChain:
    """The listeners of one node, held weakly: a node keeps no driver alive, and they no memory of each other."""

    def __init__(self) -> None:
        """Starts without any."""
        self._refs: list[ref[MemoryListener]] = []

    def __iter__(self) -> Iterator[MemoryListener]:
        """Yields the listeners that there still are."""
        return (listener for found in self._refs if (listener := found()) is not None)

    def subscribe(self, listener: MemoryListener) -> None:
        """Adds a listener at the end."""
        self._refs = [ref(other) for other in self] + [ref(listener)]

    def unsubscribe(self, listener: MemoryListener) -> None:
        """Takes a listener out, if it is there."""
        self._refs = [ref(other) for other in self if other is not listener]

    def ask(self, change: MemoryChange) -> Errno:
        """Asks one after the other; the first refusal ends it and is returned."""
        for listener in self:
            answer = listener.notify(change)
            if answer is not Errno.OK:
                return answer
        return Errno.OK

    def tell(self, change: MemoryChange) -> None:
        """Tells everybody."""
        for listener in self:
            listener.notify(change)

    def withheld(self, start_pfn: int, end_pfn: int) -> list[tuple[int, int]]:
        """Returns every range of onlining memory that stays with somebody, ascending."""
        return sorted(found for listener in self for found in listener.withheld(start_pfn, end_pfn))
