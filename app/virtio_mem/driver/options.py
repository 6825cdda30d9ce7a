"""What the guest's owner chooses for a driver: levels, onlining, and the kernel whose driver it is.

Mirrors the module parameters of 8.10 and the auto-online policy of HP-2.
Left out: force_bbm, bbm_block_size and bbm_safe_unplug, which come with big block mode.
"""

from dataclasses import dataclass
from enum import StrEnum

from app.errors import InvalidValue
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.switches import Level
from app.mm.zone import ZoneId


class OnlinePolicy(StrEnum):
    """What the system does with added memory by itself (HP-2)."""

    OFFLINE = "offline"
    ONLINE_KERNEL = "online_kernel"
    ONLINE_MOVABLE = "online_movable"

    @property
    def zone(self) -> ZoneId | None:
        """The zone in which added memory goes online, or None when it stays offline."""
        if self is OnlinePolicy.OFFLINE:
            return None
        return ZoneId.MOVABLE if self is OnlinePolicy.ONLINE_MOVABLE else ZoneId.NORMAL


def parse_online_policy(name: str) -> OnlinePolicy:
    """Returns the policy called `name`.

    Raises InvalidValue.
    """
    if name not in list(OnlinePolicy):
        raise InvalidValue("online", name, ", ".join(OnlinePolicy))
    return OnlinePolicy(name)


@dataclass(frozen=True, slots=True)
class DriverOptions:
    """One driver's choices."""

    # None: the kernel's own.
    fallback: tuple[Level, ...] | None = None
    online: OnlinePolicy = OnlinePolicy.ONLINE_MOVABLE
    # None: the node's own; another one simulates a driver from another release (12.1).
    policy: KernelPolicy | None = None
    # The module parameter: may unplug online memory.
    unplug_online: bool = True
