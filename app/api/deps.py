"""What a handler gets from the application that serves it, and the names in its path.

A plain call instead of FastAPI's Depends: solving a dependency costs as much as the shortest operation.
"""

from typing import Annotated

from fastapi import FastAPI, Path, Request

from app.operations.service import Service

GuestName = Annotated[str, Path(description="name of the guest", examples=["guest-1"])]
DeviceId = Annotated[str, Path(description="id of the virtio-mem device", examples=["vm0"])]


def install(app: FastAPI, service: Service) -> None:
    """Gives `app` the service that its handlers will ask."""
    app.state.service = service


def service_of(request: Request) -> Service:
    """Returns the service that this request is for."""
    service: Service = request.app.state.service
    return service
