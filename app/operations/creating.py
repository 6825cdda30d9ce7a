"""Making a guest from a geometry preset, and filling it.

Left out: making one from a capture (app.operations.importing).
"""

from dataclasses import replace

from app.errors import InvalidValue, Unknown
from app.guest.creation import create_guest
from app.guest.guest import Guest
from app.guest.spec import DeviceSpec, GuestPlan, GuestSpec, plan_guest
from app.guest.workload import WorkloadStep
from app.guest.workload_json import parse_workload
from app.operations import estimates
from app.operations.guest_time import ClockSetting
from app.operations.registry import Description
from app.operations.service import Service

__all__ = ["DeviceSpec", "GuestSpec", "create", "read_workload"]


def read_workload(workload: object) -> tuple[WorkloadStep, ...]:
    """Returns the steps that a caller's JSON means.

    Raises InvalidValue.
    """
    try:
        return parse_workload(workload)
    except Unknown as error:
        raise as_invalid_value(error) from error


async def create(service: Service, spec: GuestSpec, clock: ClockSetting | None = None) -> Description:
    """Makes the guest that `spec` asks for, returns its description; an empty name means the next free one.

    clock: None for mode instant. Raises InvalidValue, NameTaken, GuestLimitReached, PageLimitReached,
    GuestOutOfMemory; then there is no new guest.
    """
    nr_pages = _checked(spec).nr_pages
    await service.kernels.wait()
    with service.registry.reserve(spec.name or None, nr_pages) as reservation:
        named = replace(spec, name=reservation.name)
        capacity = service.limits.event_ring_capacity

        def make() -> Guest:
            return create_guest(named, event_ring_capacity=capacity)

        guest = await service.crew.run(make, estimate_us=estimates.creation_us(spec))
        return service.registry.add(reservation, guest, clock).describe()


def _checked(spec: GuestSpec) -> GuestPlan:
    """Plans the guest, to know its pages before anything is made."""
    try:
        return plan_guest(replace(spec, name=spec.name or "unnamed"))
    except Unknown as error:
        raise as_invalid_value(error) from error


def as_invalid_value(error: Unknown) -> InvalidValue:
    """Returns the error of a body that names something unknown: its path exists, so it is no 404."""
    known = error.members["known"]
    assert isinstance(known, list)
    # Names of cases, and policies with switches, have commas of their own.
    between = "; " if any("," in str(name) for name in known) else ", "
    more = f" and {error.members['nr_more']} more" if "nr_more" in error.members else ""
    accepted = f"one of {between.join(known)}{more}"
    return InvalidValue(str(error.members["field"]), error.members["value"], accepted)
