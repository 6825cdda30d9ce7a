"""A guest's virtio-mem devices: how they stand, and how they grow and shrink; each change is an operation.

Kept here: one operation is under way for each device; the next one supersedes it.
Left out: what becomes of an operation (app.operations.operation).
"""

from collections.abc import Callable

from app.errors import StateError, Unknown
from app.guest.guest import Guest
from app.operations import estimates
from app.operations.entry import Entry
from app.operations.operation import Operation, OperationState
from app.operations.registry import Description
from app.operations.service import Service

__all__ = [
    "LONGEST_WAIT_S",
    "OperationState",
    "cancel",
    "operation",
    "operations",
    "plug",
    "resize",
    "show_device",
    "unplug",
]

# A caller that waits longer asks again.
LONGEST_WAIT_S = 60.0


class OperationOver(StateError):
    """The operation has ended, and cannot be cancelled any more."""

    def __init__(self, over: Operation) -> None:
        """Names the operation, and what has become of it."""
        state = str(over.standing.state)
        super().__init__(f"operation {over.id} is over: {state}", operation=over.id, state=state)


async def show_device(service: Service, name: str, device_id: str) -> Description:
    """Returns the device's description; that of a busy guest is from before the call that it is busy with.

    Raises Unknown.
    """
    description = await service.registry.show(service.registry.entry(name))
    devices = description["devices"]
    assert isinstance(devices, list)
    for device in devices:
        if device["id"] == device_id:
            found: Description = device
            return found
    raise Unknown("device", device_id, [device["id"] for device in devices])


async def resize(
    service: Service, name: str, device_id: str, requested_size: int, *, wait_s: float = 0
) -> Operation:
    """Sets the device's target, in bytes; returns the operation once it is over, after wait_s at the latest.

    Raises Unknown, InvalidValue, GuestCrashed, CapacityError; then the target is as it was.
    """
    return await _begin(service, name, device_id, lambda _: requested_size, wait_s)


async def plug(service: Service, name: str, device_id: str, size: int, *, wait_s: float = 0) -> Operation:
    """Raises the device's target by `size` bytes; else as resize()."""
    return await _begin(service, name, device_id, lambda guest: guest.target_above(device_id, size), wait_s)


async def unplug(service: Service, name: str, device_id: str, size: int, *, wait_s: float = 0) -> Operation:
    """Lowers the device's target by `size` bytes; else as resize()."""
    return await _begin(service, name, device_id, lambda guest: guest.target_below(device_id, size), wait_s)


async def operation(service: Service, operation_id: str, *, wait_s: float = 0) -> Operation:
    """Returns an operation once it is over, after wait_s at the latest.

    Raises Unknown.
    """
    found = service.operations.get(operation_id)
    await service.wait_until(lambda: found.is_over, found.bell, wait_s)
    return found


def operations(
    service: Service, *, guest: str | None, state: OperationState | None, limit: int
) -> list[Operation]:
    """Returns the newest operations, `limit` at most, oldest first; None: of every guest, in every state."""
    return service.operations.list(guest=guest, state=state)[-limit:]


async def cancel(service: Service, operation_id: str) -> Operation:
    """Makes the device's present size its target.

    Raises Unknown, OperationOver.
    """
    found = service.operations.get(operation_id)
    if found.is_over:
        raise OperationOver(found)

    def call(guest: Guest) -> None:
        if found.is_over:
            raise OperationOver(found)
        guest.begin_resize(found.device, guest.progress(found.device).size)
        found.cancel(guest, "cancelled on request")

    await service.registry.change(found.guest, call, estimate_us=lambda _: 0)
    return found


async def _begin(
    service: Service, name: str, device_id: str, target: Callable[[Guest], int], wait_s: float
) -> Operation:
    registry = service.registry
    async with registry.locked(name) as entry:
        service.operations.make_room()
        begun = await registry.begin_locked(
            entry,
            lambda guest: _set_target(service, entry, device_id, target(guest)),
            estimate_us=lambda begun: estimates.amount_us(
                entry.guest, abs(begun.requested_size - begun.size_before)
            ),
        )
    if not entry.is_settled:
        registry.settle_behind(entry)
    await service.wait_until(lambda: begun.is_over, begun.bell, wait_s)
    return begun


def _set_target(service: Service, entry: Entry, device_id: str, requested_size: int) -> Operation:
    """Sets the target, and makes it an operation; the one before it is over."""
    guest = entry.guest
    before = guest.progress(device_id)
    guest.begin_resize(device_id, requested_size)
    begun = service.operations.begin(
        guest=entry.name,
        device=device_id,
        requested_size=requested_size,
        size_before=before.size,
        begun_us=before.now_us,
    )
    previous = entry.operations.get(device_id)
    if previous is not None:
        previous.supersede(begun.id, guest)
        previous.bell.ring()
    entry.operations[device_id] = begun
    return begun
