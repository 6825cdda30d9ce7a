"""What handlers get from their application."""

import asyncio

from fastapi import FastAPI
from starlette.requests import Request

from app.api.deps import install, service_of
from app.operations.service import Service
from tests.operations.stage import play


def test_service_of_a_request_is_its_applications() -> None:
    """Two applications in one process have two services."""

    async def scene(service: Service) -> None:
        await asyncio.sleep(0)
        one, other = FastAPI(), FastAPI()
        install(one, service)
        install(other, Service(service.limits, service.crew, service.kernels))
        assert service_of(Request({"type": "http", "app": one})) is service
        assert service_of(Request({"type": "http", "app": other})) is not service

    play(scene)
