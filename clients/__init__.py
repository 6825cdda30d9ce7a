"""The hypervisor side: what takes memory from a guest and gives it, over the REST API v1.

Shares nothing with the service but openapi.json. `Client` and `AsyncClient` are for programs, `vmemctl`
(clients.cli) for people and scripts, clients/capture.py for the machine that is to be simulated.
"""

from clients.async_client import AsyncClient
from clients.client import Client
from clients.errors import (
    ClientError,
    Conflict,
    DeadlinePassed,
    Invalid,
    NoRoom,
    NotFound,
    Refused,
    Unintelligible,
    Unreachable,
    Unsayable,
)
from clients.specs import (
    AllocationSpec,
    ClockSpec,
    CompareCaptureSpec,
    CompareSpec,
    DeviceSpec,
    GuestSpec,
    ImportSpec,
    ScenarioSpec,
    ScriptSpec,
    Upload,
)

__all__ = [
    "AllocationSpec",
    "AsyncClient",
    "Client",
    "ClientError",
    "ClockSpec",
    "CompareCaptureSpec",
    "CompareSpec",
    "Conflict",
    "DeadlinePassed",
    "DeviceSpec",
    "GuestSpec",
    "ImportSpec",
    "Invalid",
    "NoRoom",
    "NotFound",
    "Refused",
    "ScenarioSpec",
    "ScriptSpec",
    "Unintelligible",
    "Unreachable",
    "Unsayable",
    "Upload",
]
