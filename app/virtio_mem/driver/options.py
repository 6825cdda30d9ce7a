"""What the guest's owner chooses for a driver: module parameters, levels, and the kernel whose driver it is.

Mirrors the module parameters of 8.10.
Kept here: a parameter that a release does not know is passed over, as the kernel does with a line in its log.
Left out: sizes that follow (app.mm.policies.quantities).
"""

from dataclasses import dataclass, replace

from app.errors import InvalidValue
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.switches import Level
from app.virtio_mem.protocol import ALL_FEATURES, Feature

# Of a big block; larger than any region.
LARGEST_BIG_BLOCK = 1 << 62


@dataclass(frozen=True, slots=True)
class ModuleParameters:
    """What the driver is loaded with (8.10)."""

    # May unplug online memory.
    unplug_online: bool = True
    # Big block mode, although sub-blocks would be possible.
    force_bbm: bool = False
    # Bytes of a big block, if that is more than it has to be; 0: no more.
    bbm_block_size: int = 0
    # Takes every page of a big block before it is offlined.
    bbm_safe_unplug: bool = True

    def validate(self) -> None:
        """Raises InvalidValue, naming the field."""
        if not 0 <= self.bbm_block_size <= LARGEST_BIG_BLOCK:
            raise InvalidValue("bbm_block_size", self.bbm_block_size, f"0 to {LARGEST_BIG_BLOCK}")

    def unknown_to(self, policy: KernelPolicy) -> tuple[str, ...]:
        """Returns the parameters that were set, and that the release's driver does not have."""
        missing = [] if policy.has_big_block_mode else ["force_bbm", "bbm_block_size"]
        missing += [] if policy.has_unsafe_unplug else ["bbm_safe_unplug"]
        unset = ModuleParameters()
        return tuple(name for name in missing if getattr(self, name) != getattr(unset, name))

    def known_to(self, policy: KernelPolicy) -> "ModuleParameters":
        """Returns what is left for a driver of that release."""
        unset = ModuleParameters()
        return replace(self, **{name: getattr(unset, name) for name in self.unknown_to(policy)})


@dataclass(frozen=True, slots=True)
class DriverModule:
    """What a booting guest does about a device's driver: whether it loads it, and with which parameters."""

    is_loaded: bool = True
    parameters: ModuleParameters = ModuleParameters()


# As distributions do it.
LOADED = DriverModule()


@dataclass(frozen=True, slots=True)
class DriverOptions:
    """One driver's choices."""

    # None: the kernel's own.
    fallback: tuple[Level, ...] | None = None
    # None: the node's own; another one simulates a driver from another release (12.1).
    policy: KernelPolicy | None = None
    parameters: ModuleParameters = ModuleParameters()
    # Of what a device offers, the driver accepts these (V-14).
    features: Feature = ALL_FEATURES
