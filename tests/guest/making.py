"""Small guests for tests: x86-64 with one device, or toy-sized.

Left out: fixtures; a test makes the guest that it needs.
"""

from app.guest.creation import create_guest
from app.guest.guest import Guest
from app.guest.spec import DeviceSpec, GuestSpec
from app.units import GIB, MIB

FIRST_DEVICE_PFN = 4 * GIB // 4096


def x86_guest(**changes: object) -> Guest:
    """Returns a guest of 1 GiB with a device of 1 GiB, nothing plugged; `changes` are members of the spec."""
    members: dict[str, object] = {"name": "test", "boot_size": GIB, "devices": (DeviceSpec(size=GIB),)}
    return create_guest(GuestSpec(**(members | changes)))  # type: ignore[arg-type]  # tests name the members


def toy_guest(**changes: object) -> Guest:
    """Returns a toy guest: pages of 128 KiB, 8 to a pageblock; 64 MiB of boot memory, a device of 64 MiB."""
    members: dict[str, object] = {
        "preset": "toy",
        "boot_size": 64 * MIB,
        "devices": (DeviceSpec(size=64 * MIB),),
    }
    return x86_guest(**(members | changes))
