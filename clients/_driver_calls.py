"""Calls that load and unload the driver of a device. Nothing here does I/O."""

from functools import partial

from clients import models
from clients._building import Routes, at, call, model
from clients._exchange import Call
from clients.specs import DriverParameters, as_json

ROUTES: Routes = {
    "load_driver": ("POST", "/v1/guests/{guest}/virtio-mem/{device}/driver/load"),
    "unload_driver": ("POST", "/v1/guests/{guest}/virtio-mem/{device}/driver/unload"),
}

_at = partial(at, ROUTES)


def load_driver(guest: str, device: str, parameters: DriverParameters | None = None) -> Call[models.Device]:
    """Loads a device's driver, which at once goes for the requested size; None: without parameters."""
    body = as_json(parameters or DriverParameters())
    return call(_at("load_driver", guest=guest, device=device), model(models.Device), json=body)


def unload_driver(guest: str, device: str) -> Call[models.Device]:
    """Unloads a device's driver; memory that it added stays online and plugged."""
    return call(_at("unload_driver", guest=guest, device=device), model(models.Device))
