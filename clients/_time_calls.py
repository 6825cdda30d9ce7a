"""Calls on resizes, which are operations, and on clocks. Nothing here does I/O.

Left out: waiting until an operation is over (clients.wait).
"""

from functools import partial

from clients import time_models as models
from clients._building import Routes, at, call, model, query_of
from clients._exchange import Call
from clients.catalog_models import CostProfile, CostProfileList

# How long one answer is waited for: short against any timeout of a connection.
LONG_POLL_S = 2.0

ROUTES: Routes = {
    "resize": ("PATCH", "/v1/guests/{guest}/virtio-mem/{device}"),
    "plug": ("POST", "/v1/guests/{guest}/virtio-mem/{device}/plug"),
    "unplug": ("POST", "/v1/guests/{guest}/virtio-mem/{device}/unplug"),
    "list_operations": ("GET", "/v1/operations"),
    "show_operation": ("GET", "/v1/operations/{operation}"),
    "cancel_operation": ("POST", "/v1/operations/{operation}/cancel"),
    "cost_profiles": ("GET", "/v1/cost-profiles"),
    "show_clocks": ("GET", "/v1/clock"),
    "show_clock": ("GET", "/v1/guests/{guest}/clock"),
    "change_clock": ("PATCH", "/v1/guests/{guest}/clock"),
    "advance": ("POST", "/v1/guests/{guest}/clock/advance"),
}

_at = partial(at, ROUTES)


def resize(
    guest: str, device: str, requested_size: int, *, wait: float | None = None
) -> Call[models.Operation]:
    """Sets how much of the device the guest should have, in bytes, and waits until that is over.

    wait: at most so many seconds, 0 not at all, None until it is over.
    """
    target = _at("resize", guest=guest, device=device)
    return call(target, model(models.Operation), query=_wait(wait), json={"requested_size": requested_size})


def plug(guest: str, device: str, size: int, *, wait: float | None = None) -> Call[models.Operation]:
    """Gives the guest `size` bytes more than the present target; waits as resize does."""
    target = _at("plug", guest=guest, device=device)
    return call(target, model(models.Operation), query=_wait(wait), json={"size": size})


def unplug(guest: str, device: str, size: int, *, wait: float | None = None) -> Call[models.Operation]:
    """Takes `size` bytes back, counted from the present target; waits as resize does."""
    target = _at("unplug", guest=guest, device=device)
    return call(target, model(models.Operation), query=_wait(wait), json={"size": size})


def list_operations(
    *, guest: str | None = None, state: str | None = None, limit: int | None = None
) -> Call[tuple[models.Operation, ...]]:
    """Lists the newest operations, oldest first: of one guest, in one state, or all; `limit` at most, or 100."""
    return call(
        _at("list_operations"),
        lambda body: model(models.OperationList)(body).operations,
        query=query_of(guest=guest, state=state, limit=limit),
    )


def show_operation(operation: str, *, wait: float = 0) -> Call[models.Operation]:
    """Shows an operation, once it is over or `wait` seconds have passed."""
    return call(_at("show_operation", operation=operation), model(models.Operation), query=_wait(wait))


def cancel_operation(operation: str) -> Call[models.Operation]:
    """Makes the device's present size its target. Raises Conflict when the operation is over."""
    return call(_at("cancel_operation", operation=operation), model(models.Operation))


def cost_profiles() -> Call[tuple[CostProfile, ...]]:
    """Lists what the acts of a guest can take of simulated time."""
    return call(_at("cost_profiles"), lambda body: model(CostProfileList)(body).cost_profiles)


def show_clocks() -> Call[models.ClockOverview]:
    """Shows how late guests in mode realtime are served, over all of them."""
    return call(_at("show_clocks"), model(models.ClockOverview))


def show_clock(guest: str) -> Call[models.Clock]:
    """Shows who drives the guest's clock, and how it stands."""
    return call(_at("show_clock", guest=guest), model(models.Clock))


def change_clock(guest: str, *, mode: str | None = None, scale: float | None = None) -> Call[models.Clock]:
    """Lets somebody else drive the clock (`instant`, `manual`, `realtime`), or the wall at another scale."""
    wanted = {"mode": mode, "scale": scale}
    return call(
        _at("change_clock", guest=guest),
        model(models.Clock),
        json={name: value for name, value in wanted.items() if value is not None},
    )


def advance(guest: str, duration_us: int | None = None, *, steps: int | None = None) -> Call[models.Advanced]:
    """Lets so much simulated time pass, or whoever is due next act `steps` times; not in mode realtime."""
    wanted = {"duration_us": duration_us, "steps": steps}
    return call(
        _at("advance", guest=guest),
        model(models.Advanced),
        json={name: value for name, value in wanted.items() if value is not None},
    )


def _wait(seconds: float | None) -> tuple[tuple[str, str], ...]:
    """Returns for how long one answer may wait; who waits longer asks again."""
    return query_of(wait=min(LONG_POLL_S if seconds is None else seconds, LONG_POLL_S) or None)
