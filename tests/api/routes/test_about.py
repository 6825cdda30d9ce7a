"""The service itself: health, version, what problems mean."""

from app.api.problems import KINDS
from app.api.schemas import catalog as schemas
from app.api.version import VERSION
from app.operations.warm_up import Kernels
from tests.api.caller import Caller


def test_service_is_alive_before_it_is_ready(caller: Caller) -> None:
    """Healthz answers at once; readyz says "not ready" until the kernels are."""
    assert caller.get("/healthz").json() == {"status": "ok"}
    caller.wait_for(caller.service.kernels.wait())
    assert caller.get("/readyz").json() == {"status": "ready"}
    ready, caller.service.kernels = caller.service.kernels, Kernels()
    cold = caller.get("/readyz")
    assert (cold.status_code, cold.json()["type"]) == (503, "/problems/not-ready")
    assert cold.headers["retry-after"] == "1"
    assert caller.get("/healthz").status_code == 200
    caller.service.kernels = ready


def test_version_is_the_projects(caller: Caller) -> None:
    """The service says which one it is."""
    assert caller.get("/version").json() == {"name": "vmemsim", "version": VERSION}


def test_problems_say_what_they_mean(caller: Caller) -> None:
    """The type of every problem is a path that explains it."""
    kinds = schemas.ProblemKinds.model_validate(caller.get("/problems").json(), strict=True).problems
    assert {kind.type for kind in kinds} == {f"/problems/{slug}" for slug in KINDS}
    for kind in kinds:
        assert caller.get(kind.type).json() == kind.model_dump()
    assert caller.get("/problems/none").status_code == 404
