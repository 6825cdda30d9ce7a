"""Calls that ask why and what if: explanations, forecasts, and copies of guests. Nothing here does I/O."""

from collections.abc import Mapping, Sequence
from functools import partial

from clients import explain_models as models
from clients._building import Routes, at, call, model, nothing, png, query_of
from clients._exchange import Call
from clients.models import Guest

ROUTES: Routes = {
    "explain": ("GET", "/v1/guests/{guest}/virtio-mem/{device}/explain"),
    "explain_png": ("GET", "/v1/guests/{guest}/virtio-mem/{device}/explain"),
    "forecast": ("POST", "/v1/guests/{guest}/virtio-mem/{device}/forecast"),
    "fork": ("POST", "/v1/guests/{guest}/fork"),
    "take_snapshot": ("POST", "/v1/guests/{guest}/snapshot"),
    "list_snapshots": ("GET", "/v1/guests/{guest}/snapshots"),
    "delete_snapshot": ("DELETE", "/v1/guests/{guest}/snapshots/{snapshot}"),
    "restore": ("POST", "/v1/guests/{guest}/restore"),
}

_at = partial(at, ROUTES)


def explain(
    guest: str,
    device: str,
    *,
    target: int | None = None,
    pages: bool | None = None,
    limit: int | None = None,
    cursor: int | None = None,
) -> Call[models.Explanation]:
    """Explains why the device has more than `target` bytes plugged (None: than it shall have); changes nothing.

    pages: tells single pages, too, `limit` at a time; `cursor`: next_cursor of the answer before.
    """
    query = query_of(target=target, pages=pages, limit=limit, cursor=cursor)
    return call(_at("explain", guest=guest, device=device), model(models.Explanation), query=query)


def explain_png(guest: str, device: str, *, target: int | None = None) -> Call[bytes]:
    """Draws the guest's memory with what would stay plugged marked, as a PNG image."""
    where = _at("explain_png", guest=guest, device=device)
    return call(where, png, query=query_of(target=target), accept="image/png")


def forecast(  # noqa: PLR0913 - one argument for each member of the body
    guest: str,
    device: str,
    requested_size: int,
    *,
    policy: str | None = None,
    fallback: Sequence[str] | None = None,
    retries: int | None = None,
    limits: bool | None = None,
) -> Call[models.Forecast]:
    """Tells what would become of a target, under other rules if any are named; changes nothing.

    retries: how many retries are waited for. limits: False leaves out floor and ceiling, which take the longest.
    """
    body = {
        "requested_size": requested_size,
        "policy": policy,
        "fallback": None if fallback is None else list(fallback),
        "retries": retries,
        "limits": limits,
    }
    return call(_at("forecast", guest=guest, device=device), model(models.Forecast), json=_said(body))


def fork(
    guest: str, name: str | None = None, *, policy: str | None = None, fallback: Sequence[str] | None = None
) -> Call[Guest]:
    """Makes a guest in the same state, which lives for itself from now on."""
    body = {"name": name, "policy": policy, "fallback": None if fallback is None else list(fallback)}
    return call(_at("fork", guest=guest), model(Guest), json=_said(body))


def take_snapshot(guest: str, name: str | None = None) -> Call[models.Snapshot]:
    """Keeps the guest as it is now."""
    return call(_at("take_snapshot", guest=guest), model(models.Snapshot), json=_said({"name": name}))


def list_snapshots(guest: str) -> Call[tuple[models.Snapshot, ...]]:
    """Lists the guest's snapshots, oldest first."""
    return call(_at("list_snapshots", guest=guest), lambda body: model(models.SnapshotList)(body).snapshots)


def delete_snapshot(guest: str, snapshot: str) -> Call[None]:
    """Forgets a snapshot."""
    return call(_at("delete_snapshot", guest=guest, snapshot=snapshot), nothing)


def restore(guest: str, snapshot: str) -> Call[Guest]:
    """Makes the guest what it was; operations that are under way end as cancelled."""
    return call(_at("restore", guest=guest), model(Guest), json={"snapshot": snapshot})


def _said(members: Mapping[str, object]) -> dict[str, object]:
    """Returns what was said; the rest is the service's to choose."""
    return {name: value for name, value in members.items() if value is not None}
