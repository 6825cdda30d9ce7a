"""Memory blocks set by hand, as somebody in the guest writes to their `state` in sysfs.

Mirrors state_store() of drivers/base/memory.c (HP-4, HP-5). A device's driver hears of it, and works if it is worth it.
Kept here: a refused change changes nothing but where movable pages lie.
Left out: what the memory goes through (app.mm.hotplug), who asks (app.operations).
"""

from app.errors import InvalidValue, MemoryBlockUnchanged, Unknown
from app.guest.clock import SimulatedClock
from app.guest.condition import Condition
from app.guest.cost import CostProfile, Pace, Work, cost_ns
from app.guest.devices import Devices
from app.guest.views import describe_memory_block
from app.mm import hotplug
from app.mm.hotplug_rules import OnlinePolicy
from app.mm.memory_block import MemoryBlockState
from app.mm.node import Node
from app.mm.outcome import Errno, OfflineOutcome
from app.mm.page import PageKind

# What may be written.
STATES = ("online", "online_kernel", "online_movable", "offline")
_GAVE_UP = (
    "it was not empty after {nr_rounds} rounds of migration, which is the simulator's limit: Linux would go on trying "
    "until a signal arrives"
)
_WHY = {
    Errno.ENOMEM: ("no_memory", "there is no room to migrate to"),
    Errno.EPERM: ("refused", "the driver that it belongs to refuses"),
    Errno.EINTR: ("offline_timeout", _GAVE_UP),
}
_UNMOVABLE = ("unmovable_page", "a page in it cannot move")
_HELD = ("held_by_driver", "virtio-mem unplugged a part of it, and no driver lets go of that")


class BlockStates:
    """The memory blocks of one guest, as they can be set from inside."""

    def __init__(
        self,
        node: Node,
        devices: Devices,
        clock: SimulatedClock,
        condition: Condition,
        *,
        profile: CostProfile,
        pace: Pace,
    ) -> None:
        """Takes what a change has an effect on."""
        self._node = node
        self._devices = devices
        self._clock = clock
        self._condition = condition
        self._profile = profile
        self._pace = pace

    def set_state(self, block_id: int, state: str) -> dict[str, object]:
        """Sets a memory block on- or offline; returns it as it is then, and what that took.

        Raises Unknown, InvalidValue, GuestCrashed, GuestHung, and MemoryBlockUnchanged with the kernel's reason.
        """
        self._condition.require_running()
        if state not in STATES:
            raise InvalidValue("state", state, ", ".join(STATES))
        self._require_present(block_id)
        is_online = self._node.memory_blocks.state(block_id) is MemoryBlockState.ONLINE
        if is_online is (state != "offline"):
            present = "online" if is_online else "offline"
            detail = f"memory block {block_id} is {present} already"
            raise _unchanged(block_id, Errno.EINVAL, f"already_{present}", detail)
        before_us = self._clock.now_us
        if state == "offline":
            outcome = self._set_offline(block_id)
        else:
            outcome = OfflineOutcome(Errno.OK)
            self._set_online(block_id, OnlinePolicy(state))
        self._devices.wake_for_memory()
        drivers = [(row.device.id, row.driver) for row in self._devices]
        return describe_memory_block(self._node, block_id, drivers) | {
            "migrated_pages": outcome.nr_migrated,
            "simulated_us": self._clock.now_us - before_us,
        }

    def _require_present(self, block_id: int) -> None:
        blocks = self._node.memory_blocks
        if not 0 <= block_id < len(blocks) or blocks.state(block_id) is MemoryBlockState.ABSENT:
            raise Unknown("memory block", block_id, map(str, blocks.present_ids()))

    def _set_online(self, block_id: int, wanted: OnlinePolicy) -> None:
        result = hotplug.online_memory_block(self._node, block_id, wanted)
        if result is not Errno.OK:
            reason, why = _WHY[result]
            raise _unchanged(block_id, result, reason, f"memory block {block_id} stays offline: {why}")
        self._spend(Work(bytes_onlined=self._node.geometry.memory_block_size))

    def _set_offline(self, block_id: int) -> OfflineOutcome:
        node, size = self._node, self._node.geometry.memory_block_nr_pages
        self._devices.backings.look()
        outcome = hotplug.offline_pages(node, block_id * size, (block_id + 1) * size)
        self._devices.backings.mark_stale()
        if outcome.result is Errno.EINVAL:
            accepted = (
                "no change: it has holes or lies in several zones, and Linux takes no such block offline"
            )
            raise InvalidValue("state", "offline", accepted, errno="EINVAL", memory_block=block_id)
        is_done = outcome.result is Errno.OK
        self._spend(
            Work(
                bytes_offlined=node.geometry.memory_block_size if is_done else 0,
                pageblocks_isolated=node.geometry.pageblocks_per_memory_block,
                base_pages_migrated=outcome.nr_migrated - outcome.nr_migrated_huge,
                huge_runs_migrated=outcome.nr_huge,
                huge_run_pages=outcome.nr_migrated_huge,
            )
        )
        if not is_done:
            raise _stays_online(block_id, outcome)
        return outcome

    def _spend(self, work: Work) -> None:
        self._clock.advance(self._pace.stretch(cost_ns(self._profile, self._node.geometry, work)))


def _stays_online(block_id: int, outcome: OfflineOutcome) -> MemoryBlockUnchanged:
    obstacle = outcome.obstacle
    is_held = obstacle is not None and obstacle.kind is PageKind.OFFLINE
    reason, why = _WHY.get(outcome.result, _HELD if is_held else _UNMOVABLE)
    at = "" if obstacle is None else f" (page {obstacle.pfn}: {obstacle.kind.api_name})"
    detail = f"memory block {block_id} stays online: {why.format(nr_rounds=outcome.nr_rounds)}{at}"
    return _unchanged(block_id, outcome.result, reason, detail, outcome)


def _unchanged(
    block_id: int, errno: Errno, reason: str, detail: str, outcome: OfflineOutcome | None = None
) -> MemoryBlockUnchanged:
    obstacle = None if outcome is None else outcome.obstacle
    return MemoryBlockUnchanged(
        detail,
        memory_block=block_id,
        errno=str(errno),
        reason=reason,
        obstacle=None if obstacle is None else {"pfn": obstacle.pfn, "kind": obstacle.kind.api_name},
        rounds=0 if outcome is None else outcome.nr_rounds,
        is_simulator_limit=outcome is not None and outcome.is_simulator_limit,
    )
