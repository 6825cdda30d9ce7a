"""The OpenAPI text: FastAPI's, with our problems in the place of its own error shapes.

openapi.json at the root of the project holds this text, byte for byte; a test compares them.
"""

import json
from typing import Any

from fastapi import FastAPI

from app.api.schemas.catalog import Problem

# What FastAPI documents for requests that it refuses itself; here they are problems like all others.
_FOREIGN_SCHEMAS = ("HTTPValidationError", "ValidationError")


class DocumentedApi(FastAPI):
    """A FastAPI application whose errors are documented as problems."""

    def openapi(self) -> dict[str, Any]:
        """Returns the OpenAPI document; it is made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            for operations in document["paths"].values():
                for operation in operations.values():
                    _drop_foreign_refusal(operation["responses"])
            schemas = document["components"]["schemas"]
            for name in _FOREIGN_SCHEMAS:
                schemas.pop(name, None)
            schemas[Problem.__name__] = Problem.model_json_schema()
            self.openapi_schema = _with_integers(document)
        assert self.openapi_schema is not None
        return self.openapi_schema


def _with_integers(node: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Returns the document with bounds as they were written: FastAPI turns those of integers into floats."""
    if isinstance(node, dict):
        return {key: _with_integers(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_with_integers(value) for value in node]
    return int(node) if isinstance(node, float) and node.is_integer() else node


def _drop_foreign_refusal(responses: dict[str, Any]) -> None:
    """Removes FastAPI's own 422 from a route that documents none: no value that reaches it is refused so."""
    refusal = responses.get("422", {})
    if "application/json" in refusal.get("content", {}):
        del responses["422"]


def openapi_text(app: FastAPI) -> str:
    """Returns what openapi.json holds: the same text in every process."""
    return json.dumps(app.openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
