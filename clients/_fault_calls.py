"""Calls on faults: what goes wrong in a guest on purpose. Nothing here does I/O.

Left out: which members a kind has; the service tells (fault_kinds).
"""

from functools import partial

from clients import fault_models as models
from clients._building import Routes, at, call, model, nothing
from clients._exchange import Call

ROUTES: Routes = {
    "fault_kinds": ("GET", "/v1/fault-kinds"),
    "add_fault": ("POST", "/v1/guests/{guest}/faults"),
    "list_faults": ("GET", "/v1/guests/{guest}/faults"),
    "show_fault": ("GET", "/v1/guests/{guest}/faults/{fault}"),
    "change_fault": ("PATCH", "/v1/guests/{guest}/faults/{fault}"),
    "remove_fault": ("DELETE", "/v1/guests/{guest}/faults/{fault}"),
}

_at = partial(at, ROUTES)


def fault_kinds() -> Call[tuple[models.FaultKind, ...]]:
    """Lists the kinds of faults, with what can be said of each."""
    return call(_at("fault_kinds"), lambda body: model(models.FaultKindList)(body).kinds)


def add_fault(guest: str, kind: str, **members: object) -> Call[models.Fault]:
    """Adds a fault rule: `add_fault("web", "device_busy", match={"request": "plug"}, count=3)`."""
    return call(_at("add_fault", guest=guest), model(models.Fault), json={"kind": kind, **members})


def list_faults(guest: str) -> Call[tuple[models.Fault, ...]]:
    """Lists the guest's fault rules, with how often each struck."""
    return call(_at("list_faults", guest=guest), lambda body: model(models.FaultList)(body).faults)


def show_fault(guest: str, fault: int) -> Call[models.Fault]:
    """Shows a fault rule."""
    return call(_at("show_fault", guest=guest, fault=str(fault)), model(models.Fault))


def change_fault(guest: str, fault: int, **members: object) -> Call[models.Fault]:
    """Lets a rule say something else; a match is replaced as a whole, None means the default."""
    return call(_at("change_fault", guest=guest, fault=str(fault)), model(models.Fault), json=members)


def remove_fault(guest: str, fault: int) -> Call[None]:
    """Removes a rule; what it had begun is over."""
    return call(_at("remove_fault", guest=guest, fault=str(fault)), nothing)
