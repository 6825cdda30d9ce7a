"""openapi.json: it is the generated text, every error in it is a problem, and its examples are accepted."""

import json
from pathlib import Path
from typing import Any

from app.api.openapi import openapi_text
from app.api.problems import MEDIA_TYPE
from app.main import create_app
from app.settings import Settings
from tests.api.caller import Caller

CHECKED_IN = Path(__file__).parents[2] / "openapi.json"


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for methods in document["paths"].values() for operation in methods.values()]


def test_openapi_json_is_what_the_code_says() -> None:
    """Byte for byte; `make openapi` writes it."""
    assert openapi_text(create_app(Settings())) == CHECKED_IN.read_text(encoding="utf-8")


def test_openapi_errors_are_problems() -> None:
    """No operation documents an error in another shape, and FastAPI's own shapes are gone."""
    document = json.loads(CHECKED_IN.read_text(encoding="utf-8"))
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for operation in _operations(document):
        errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert {"500", "503"} <= errors.keys()
        assert all(list(answer["content"]) == [MEDIA_TYPE] for answer in errors.values())


def test_openapi_operations_are_named_and_described() -> None:
    """Ids are unique, and each operation says what it does."""
    operations = _operations(json.loads(CHECKED_IN.read_text(encoding="utf-8")))
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)
    assert all(operation["description"] and operation["tags"] for operation in operations)


def test_openapi_examples_are_accepted(caller: Caller) -> None:
    """What the examples of the schemas say can be sent as it stands."""
    schemas = json.loads(CHECKED_IN.read_text(encoding="utf-8"))["components"]["schemas"]
    guest, device = "/v1/guests/web-1", "/v1/guests/web-1/virtio-mem/vm0"
    for model, method, path in (
        ("GuestIn", "POST", "/v1/guests"),
        ("RequestedSizeIn", "PATCH", device),
        ("RelativeSizeIn", "POST", f"{device}/plug"),
        ("RelativeSizeIn", "POST", f"{device}/unplug"),
        ("RangeIn", "POST", f"{guest}/alloc-contig-range"),
        ("StretchIn", "POST", f"{guest}/clock/advance"),
        ("ClockPatch", "PATCH", f"{guest}/clock"),
        ("AllocationIn", "POST", f"{guest}/allocations"),
    ):
        for example in schemas[model]["examples"]:
            answer = caller.call(method, path, json=example)
            assert answer.status_code in {200, 201, 202}, (model, example, answer.text)
