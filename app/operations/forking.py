"""Copies of a guest: a fork lives on beside it under its own name, a snapshot waits until the guest is restored to it.

Kept here: each copy counts as so many pages of the service; a restored guest does what it did after the snapshot, if it
is asked the same. A driver's work item that was under way begins anew in a copy.
Left out: what a copy carries over (app.guest.guest).
"""

from collections.abc import Sequence
from dataclasses import replace

from app.guest.guest import Guest
from app.guest.rules import parse_rules
from app.operations import estimates
from app.operations.registry import Description
from app.operations.service import Service
from app.operations.snapshot import Snapshot
from app.trace.events import GuestRestored


async def fork(
    service: Service, name: str, *, new_name: str | None, policy: str | None, fallback: Sequence[str] | None
) -> Description:
    """Makes a guest in the same state, under its own rules if any are given; returns its description.

    Raises Unknown, InvalidValue, StateError, NameTaken, GuestLimitReached, PageLimitReached; then there is no new one.
    """
    rules = parse_rules(policy, fallback)
    registry = service.registry
    entry = registry.entry(name)
    capacity = service.limits.event_ring_capacity
    with registry.reserve(new_name, entry.nr_pages) as reservation:

        def make(guest: Guest) -> Guest:
            copy = guest.fork(policy=rules.policy, fallback=rules.fallback, event_ring_capacity=capacity)
            copy.identity = replace(copy.identity, name=reservation.name)
            return copy

        copy = await registry.read(name, make, estimate_us=estimates.walk_us)
        return registry.add(reservation, copy, entry.time.setting).describe()


async def take_snapshot(service: Service, name: str, snapshot_name: str | None) -> Description:
    """Keeps the guest as it is now; returns the snapshot. None: the next free name.

    Raises Unknown, InvalidValue, StateError, NameTaken, CapacityError, PageLimitReached.
    """
    registry, limit = service.registry, service.limits.max_snapshots
    entry = registry.entry(name)
    entry.snapshots.validate(snapshot_name, limit=limit)
    with registry.hold_pages(entry.nr_pages):
        copy, digest = await registry.read(name, _copy, estimate_us=estimates.walk_us)
        # Somebody else may have taken one meanwhile.
        entry.snapshots.validate(snapshot_name, limit=limit)
        chosen = entry.snapshots.free_name() if snapshot_name is None else snapshot_name
        snapshot = Snapshot(chosen, copy, copy.clock.now_us, digest)
        entry.snapshots.add(snapshot)
    return snapshot.describe()


def list_snapshots(service: Service, name: str) -> Description:
    """Returns the guest's snapshots, oldest first.

    Raises Unknown.
    """
    return {"snapshots": [row.describe() for row in service.registry.entry(name).snapshots]}


def delete_snapshot(service: Service, name: str, snapshot_name: str) -> None:
    """Forgets a snapshot.

    Raises Unknown.
    """
    service.registry.entry(name).snapshots.remove(snapshot_name)


async def restore(service: Service, name: str, snapshot_name: str) -> Description:
    """Makes the guest what it was; returns its description. Operations that are under way end as cancelled.

    Its name, its clock's mode and its snapshots stay, and its events are numbered on.
    Raises Unknown, PageLimitReached.
    """
    snapshot = service.registry.entry(name).snapshots.get(snapshot_name)
    capacity = service.limits.event_ring_capacity

    def make(guest: Guest) -> Guest:
        copy = snapshot.guest.fork(event_ring_capacity=capacity)
        copy.events.renumber(guest.events.newest)
        copy.events.emit(GuestRestored(snapshot.id, copy.clock.now_us))
        return copy

    entry = await service.registry.replace(
        name,
        make,
        estimate_us=lambda _: estimates.walk_us(snapshot.guest),
        why=f"the guest was restored to snapshot {snapshot.id}",
    )
    return entry.describe()


def _copy(guest: Guest) -> tuple[Guest, str]:
    copy = guest.fork()
    return copy, copy.digest()
