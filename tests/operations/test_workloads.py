"""Workloads through the registry: started, shown, stopped, and the metrics of a guest on which one plays."""

import pytest

from app.errors import InvalidValue, Unknown
from app.operations import clocks, workloads
from app.operations.creating import GuestSpec, create
from app.operations.service import Service
from tests.operations.stage import play

SPEC = GuestSpec(name="web", boot_size=2**29)
PHASES = [{"do": "grow", "label": "heap", "by": 2**26, "seconds": 10}]


def test_workload_is_started_shown_and_stopped() -> None:
    """It goes on as time passes, and leaves its memory where it is."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        script = workloads.read_script(PHASES, field="phases")
        assert script is not None
        assert (await workloads.start(service, "web", script))["state"] == "running"
        await clocks.advance(service, "web", clocks.Stretch(duration_us=5_000_000, steps=None))
        shown = await workloads.show(service, "web")
        assert shown["progress"] == [{"state": "running", "elapsed_us": 5_000_000}]
        await workloads.stop(service, "web")
        assert (await workloads.show(service, "web"))["state"] == "none"
        assert "host_memory_cached_bytes 0\n" in await workloads.metrics(service, "web")
        rows = service.registry.entry("web").describe()["allocations"]
        assert isinstance(rows, list)
        assert [row["nr_pages"] for row in rows] == [2**25 // 4096]

    play(scene)


def test_what_cannot_be_is_refused() -> None:
    """A guest that is not there, a label that nobody has; no script is none."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        release = workloads.read_script([{"do": "release", "label": "x", "fraction": 1}], field="phases")
        assert release is not None
        with pytest.raises(Unknown):
            await workloads.start(service, "nobody", release)
        with pytest.raises(InvalidValue, match=r"phases\[0\].label"):
            await workloads.start(service, "web", release)

    play(scene)
    assert workloads.read_script(None, field="phases") is None
