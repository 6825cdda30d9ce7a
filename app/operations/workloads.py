"""A guest's workload over time: started, looked at, stopped; and what a monitor in the guest tells of it.

Left out: filling a guest once, when it is made (app.operations.creating).
"""

from app.guest.guest import Guest
from app.guest.programs.phase_json import (
    LARGEST_NR_LABELS,
    LARGEST_NR_PHASES,
    LARGEST_TICK_MS,
    LONGEST_SECONDS,
    SMALLEST_TICK_MS,
    parse_script,
)
from app.guest.programs.phases import Script
from app.operations import estimates
from app.operations.registry import Description
from app.operations.service import Service

__all__ = [
    "LARGEST_NR_LABELS",
    "LARGEST_NR_PHASES",
    "LARGEST_TICK_MS",
    "LONGEST_SECONDS",
    "SMALLEST_TICK_MS",
    "Script",
    "metrics",
    "read_script",
    "show",
    "start",
    "stop",
]


def read_script(value: object, *, field: str) -> Script | None:
    """Returns the script that a caller's JSON means, None for none; field: where it stands, "" for a whole body.

    Raises InvalidValue.
    """
    return None if value is None else parse_script(value, field=field)


async def start(service: Service, name: str, script: Script) -> Description:
    """Plays a script from now on, in place of the one before; returns what becomes of it.

    Raises Unknown, InvalidValue, GuestCrashed, GuestHung; then the one before goes on.
    """

    def call(guest: Guest) -> Description:
        guest.start_workload(script)
        return guest.programs.describe()

    return await service.registry.change(name, call, estimate_us=lambda _: 0)


async def show(service: Service, name: str) -> Description:
    """Returns the script and what becomes of it.

    Raises Unknown.
    """
    return await service.registry.read(name, lambda guest: guest.programs.describe(), estimate_us=lambda _: 0)


async def stop(service: Service, name: str) -> None:
    """Stops the workload; what it allocated stays.

    Raises Unknown.
    """
    await service.registry.change(name, lambda guest: guest.programs.stop(), estimate_us=lambda _: 0)


async def metrics(service: Service, name: str) -> str:
    """Returns what a monitor in the guest tells Prometheus, in its text format.

    Raises Unknown.
    """
    return await service.registry.read(name, lambda guest: guest.metrics(), estimate_us=estimates.walk_us)
