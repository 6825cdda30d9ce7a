"""How the system treats hotplugged memory: whether and where it goes online by itself, and when offlining gives up.

Mirrors auto_online_blocks and the parameters of module memory_hotplug (HP-2, HP-3, HP-6).
Left out: which zone follows from that for a memory block (app.mm.zone_choice).
"""

from dataclasses import dataclass
from enum import StrEnum

from app.errors import InvalidValue

DEFAULT_AUTO_MOVABLE_RATIO = 301
LARGEST_AUTO_MOVABLE_RATIO = 1_000_000
# Where Linux would go on for ever, this is the simulator's limit (HP-6).
DEFAULT_OFFLINE_MAX_ROUNDS = 100
LARGEST_OFFLINE_MAX_ROUNDS = 1_000_000


class OnlinePolicy(StrEnum):
    """What the system does with added memory by itself, or what somebody asks for by hand (HP-2)."""

    OFFLINE = "offline"
    # Where the zones are contiguous with it, else a kernel zone.
    ONLINE = "online"
    ONLINE_KERNEL = "online_kernel"
    ONLINE_MOVABLE = "online_movable"
    # `online` under the policy auto-movable: ZONE_MOVABLE as far as the ratio to kernel memory allows (HP-3).
    AUTO_MOVABLE = "auto-movable"


def parse_online_policy(name: str) -> OnlinePolicy:
    """Returns the policy called `name`.

    Raises InvalidValue.
    """
    if name not in list(OnlinePolicy):
        raise InvalidValue("online", name, ", ".join(OnlinePolicy))
    return OnlinePolicy(name)


@dataclass(frozen=True, slots=True)
class HotplugRules:
    """One system's settings."""

    online: OnlinePolicy = OnlinePolicy.OFFLINE
    # Movable memory in per cent of kernel memory; 0: none.
    auto_movable_ratio: int = DEFAULT_AUTO_MOVABLE_RATIO
    # The ratio has to hold on the memory's own NUMA node, too.
    is_auto_movable_numa_aware: bool = True
    # Rounds in which offlining migrates what it finds.
    offline_max_rounds: int = DEFAULT_OFFLINE_MAX_ROUNDS

    def validate(self) -> None:
        """Checks the numbers.

        Raises InvalidValue.
        """
        for field, largest, smallest in (
            ("auto_movable_ratio", LARGEST_AUTO_MOVABLE_RATIO, 0),
            ("offline_max_rounds", LARGEST_OFFLINE_MAX_ROUNDS, 1),
        ):
            value = getattr(self, field)
            if not smallest <= value <= largest:
                raise InvalidValue(field, value, f"{smallest} to {largest}")
