"""Making a guest from a capture of a real machine.

Left out: the file's format and what it tells (app.guest).
"""

from dataclasses import replace
from typing import IO

from app.errors import Unknown
from app.guest.capture.decoder import decode_capture
from app.guest.capture.guess import PerCpuAssumption
from app.guest.capture.loader import load_capture
from app.guest.capture.machine import CapturedMachine
from app.guest.capture.plan import CaptureOptions
from app.guest.guest import Guest
from app.operations import estimates
from app.operations.creating import as_invalid_value
from app.operations.registry import Description
from app.operations.service import Service
from app.trace.sink import RingSink

__all__ = ["CaptureOptions", "PerCpuAssumption", "import_capture"]


async def import_capture(
    service: Service, file: IO[bytes], options: CaptureOptions
) -> tuple[Description, Description]:
    """Makes the guest that the capture in `file` calls for; an empty name means the next free one.

    Returns the guest's description and the load report. One capture is loaded at a time: each may take much memory.

    Raises InvalidValue, NameTaken, GuestLimitReached, PageLimitReached; then there is no new guest.
    """
    await service.kernels.wait()
    async with service.loading:
        machine = await service.crew.run(lambda: decode_capture(file), estimate_us=estimates.UNKNOWN_US)
        with service.registry.reserve(options.name or None, machine.nr_pages) as reservation:
            named = replace(options, name=reservation.name)
            sink = RingSink(service.limits.event_ring_capacity)

            guest, report = await service.crew.run(
                lambda: load(machine, named, sink), estimate_us=estimates.UNKNOWN_US
            )
            # Devices may reach beyond what was captured.
            service.registry.enlarge(reservation, guest.nr_pages)
            entry = service.registry.add(reservation, guest)
    return entry.describe(), report


def load(machine: CapturedMachine, options: CaptureOptions, sink: RingSink) -> tuple[Guest, Description]:
    """Returns the guest that a capture calls for, and the load report.

    Raises InvalidValue.
    """
    try:
        return load_capture(machine, options, sink=sink)
    except Unknown as error:
        raise as_invalid_value(error) from error
