"""Calls that boot a guest anew, put it to sleep and wake it. Nothing here does I/O."""

from functools import partial

from clients import models
from clients._building import Routes, at, call, model
from clients._exchange import Call

ROUTES: Routes = {
    "reboot": ("POST", "/v1/guests/{guest}/reboot"),
    "suspend": ("POST", "/v1/guests/{guest}/suspend"),
    "resume": ("POST", "/v1/guests/{guest}/resume"),
}

_at = partial(at, ROUTES)


def reboot(guest: str, kind: str = "system_reset") -> Call[models.Guest]:
    """Boots a guest anew: by a "system_reset", or by "kexec", over which devices keep what is plugged."""
    return call(_at("reboot", guest=guest), model(models.Guest), json={"kind": kind})


def suspend(guest: str, kind: str) -> Call[models.Guest]:
    """Lets a guest sleep: "s2idle", "s3" or "hibernate"; drivers may refuse."""
    return call(_at("suspend", guest=guest), model(models.Guest), json={"kind": kind})


def resume(guest: str) -> Call[models.Guest]:
    """Wakes a guest that sleeps."""
    return call(_at("resume", guest=guest), model(models.Guest))
