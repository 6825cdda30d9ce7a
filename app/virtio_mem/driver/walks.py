"""What a driver does in its mode: cleaning up, plugging and unplugging, each as acts on the mode's book.

Left out: when it does what (driver.py).
"""

from typing import Protocol

from app.mm.node import Node
from app.mm.outcome import Errno
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.quantities import Mode
from app.trace.sink import Sink
from app.virtio_mem.driver.acts import Acts
from app.virtio_mem.driver.adding import AddWalk
from app.virtio_mem.driver.bigblock_mode import BigBlockMode
from app.virtio_mem.driver.bigblock_unplug import BigBlockUnplugWalk
from app.virtio_mem.driver.cleanup import cleanup_pending, unplug_absent
from app.virtio_mem.driver.fallback import FallbackPlan
from app.virtio_mem.driver.plug import PlugWalk
from app.virtio_mem.driver.requests import RequestQueue
from app.virtio_mem.driver.subblock_mode import SubblockMode
from app.virtio_mem.driver.unplug import UnplugWalk

# What a driver works on, in its mode.
Book = SubblockMode | BigBlockMode


class Walks(Protocol):
    """The three things that a work item consists of; units are sub-blocks or big blocks."""

    @property
    def book(self) -> Book:
        """What they work on."""

    def clean_up(self) -> Acts[Errno]:
        """Gets rid of what earlier passes could not finish."""

    def plug(self, nr_units: int) -> Acts[Errno]:
        """Plugs up to nr_units."""

    def unplug(self, nr_units: int) -> Acts[Errno]:
        """Unplugs up to nr_units."""


class SubblockWalks:
    """Sub-block mode."""

    def __init__(self, book: SubblockMode) -> None:
        """Works on `book`."""
        self.book = book

    def clean_up(self) -> Acts[Errno]:
        """Unplugs what could not be added, and removes what could not be removed."""
        return cleanup_pending(self.book)

    def plug(self, nr_units: int) -> Acts[Errno]:
        """Completes memory blocks, then adds some."""
        return PlugWalk(self.book, nr_units).acts()

    def unplug(self, nr_units: int) -> Acts[Errno]:
        """Takes sub-blocks by the levels of the plan."""
        return UnplugWalk(self.book, nr_units).acts(unplug_online=self.book.parameters.unplug_online)


class BigBlockWalks:
    """Big block mode."""

    def __init__(self, book: BigBlockMode) -> None:
        """Works on `book`."""
        self.book = book

    def clean_up(self) -> Acts[Errno]:
        """Unplugs what could not be added or unplugged."""
        return unplug_absent(self.book)

    def plug(self, nr_units: int) -> Acts[Errno]:
        """Adds big blocks."""
        return AddWalk(self.book, nr_units).acts()

    def unplug(self, nr_units: int) -> Acts[Errno]:
        """Takes whole big blocks."""
        walk = BigBlockUnplugWalk(self.book, nr_units, is_safe=self.book.parameters.bbm_safe_unplug)
        return walk.acts(unplug_online=self.book.parameters.unplug_online)


def make_walks(
    queue: RequestQueue, node: Node, plan: FallbackPlan, *, policy: KernelPolicy, sink: Sink
) -> Walks:
    """Returns the walks of the plan's mode, with an empty book."""
    if plan.mode is Mode.BIG_BLOCK:
        return BigBlockWalks(BigBlockMode(queue, node, plan, policy=policy, sink=sink))
    return SubblockWalks(SubblockMode(queue, node, plan, policy=policy, sink=sink))
