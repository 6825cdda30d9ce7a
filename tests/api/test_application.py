"""The application: the paths that were promised, and others that are not there."""

import pytest

from app.api.application import CAPTURE_PATH
from app.main import create_app
from app.settings import Settings
from tests.api.caller import Caller

# Fixed for API v1: callers rely on them.
PROMISED = {
    ("POST", "/v1/guests"),
    ("GET", "/v1/guests"),
    ("POST", "/v1/guests/import"),
    ("GET", "/v1/guests/{guest}"),
    ("DELETE", "/v1/guests/{guest}"),
    ("GET", "/v1/guests/{guest}/virtio-mem/{device}"),
    ("PATCH", "/v1/guests/{guest}/virtio-mem/{device}"),
    ("POST", "/v1/guests/{guest}/virtio-mem/{device}/plug"),
    ("POST", "/v1/guests/{guest}/virtio-mem/{device}/unplug"),
    ("POST", "/v1/guests/{guest}/alloc-contig-range"),
    ("DELETE", "/v1/guests/{guest}/alloc-contig-range"),
    ("POST", "/v1/guests/{guest}/allocations"),
    ("DELETE", "/v1/guests/{guest}/allocations/{allocation}"),
    ("GET", "/v1/guests/{guest}/memory-blocks"),
    ("GET", "/v1/guests/{guest}/pageblocks"),
    ("GET", "/v1/guests/{guest}/proc/{file}"),
    ("GET", "/v1/guests/{guest}/map.png"),
    ("POST", "/v1/guests/{guest}/verify"),
    ("GET", "/v1/policies"),
    ("GET", "/v1/presets"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/version"),
}


def test_application_has_the_promised_paths() -> None:
    """Every path of API v1 is documented, so it is there."""
    paths = create_app(Settings()).openapi()["paths"]
    assert {(method.upper(), path) for path, methods in paths.items() for method in methods} >= PROMISED
    assert CAPTURE_PATH in paths


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_application_documents_itself(caller: Caller, path: str) -> None:
    """The OpenAPI document and its reader are served."""
    assert caller.get(path).status_code == 200


def test_guest_cannot_be_named_like_a_path(caller: Caller) -> None:
    """The path of imports is no guest's, and says which methods it has."""
    refused = caller.post("/v1/guests", {"name": "import", "boot_size": "512MiB"})
    assert (refused.status_code, refused.json()["field"]) == (422, "name")
    assert caller.call("PUT", "/v1/guests/import").headers["allow"] == "POST"
    assert caller.get("/v1/guests/import").status_code == 404
