"""Calls on workloads over time, and on what a monitor in the guest tells. Nothing here does I/O.

Left out: which members a phase has (clients.specs says how a script is asked for).
"""

from functools import partial

from clients import workload_models as models
from clients._building import Routes, at, call, model, nothing
from clients._exchange import Call
from clients.specs import ScriptSpec, as_json

ROUTES: Routes = {
    "start_workload": ("PUT", "/v1/guests/{guest}/workload"),
    "show_workload": ("GET", "/v1/guests/{guest}/workload"),
    "stop_workload": ("DELETE", "/v1/guests/{guest}/workload"),
    "metrics": ("GET", "/v1/guests/{guest}/metrics"),
}

_at = partial(at, ROUTES)


def start_workload(guest: str, script: ScriptSpec) -> Call[models.Workload]:
    """Plays a script of phases from now on, in place of the one before."""
    return call(_at("start_workload", guest=guest), model(models.Workload), json=as_json(script))


def show_workload(guest: str) -> Call[models.Workload]:
    """Shows the script that plays, and what has become of each phase."""
    return call(_at("show_workload", guest=guest), model(models.Workload))


def stop_workload(guest: str) -> Call[None]:
    """Stops the workload; what it allocated stays allocated."""
    return call(_at("stop_workload", guest=guest), nothing)


def metrics(guest: str) -> Call[str]:
    """Reads what a monitor in the guest would tell Prometheus, in its text format."""
    return call(_at("metrics", guest=guest), bytes.decode)
