"""What all requests have in common: no unknown fields, no conversions; and sizes, which may be text.

Answers are documented by the same kind of model, but made from the operations' own values without a second
check; tests hold them to their models.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from app.api.complaints import quote
from app.errors import InvalidValue
from app.units import parse_size

# No machine has more, and twice as much still fits a signed 64-bit integer.
LARGEST_SIZE = 2**60
# What every JSON reader reads exactly; a 64-bit machine has at most 2^52 pages.
LARGEST_INTEGER = 2**53 - 1
SIZE_PATTERN = r"^[0-9]{1,19}(\.[0-9]{1,9})?\s?[KMGTPkmgtp]?([iI]?[bB])?$"
_ACCEPTED_SIZE = 'bytes as an integer from 0 to 2^60, or a string such as "2GiB"'


class Closed(BaseModel):
    """A part of a request; it has the fields that it has, and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_fields(cls, data: Any) -> Any:  # noqa: ANN401 - anything may be sent
        """Says which fields there are, where pydantic would say only that this one is none of them."""
        if not isinstance(data, dict):
            return data
        for key in data:
            if key not in cls.model_fields:
                context = {
                    "unknown_field": quote(key),
                    "value": quote(data[key]),
                    "accepted": _one_of(cls, data),
                }
                raise PydanticCustomError("unknown_field", "unknown field", context)
        return data

    @classmethod
    def known_fields(cls, data: dict[str, Any]) -> Iterable[str]:  # noqa: ARG003 - for some it matters
        """Returns the fields that there are, as far as what was sent decides it."""
        return cls.model_fields


class Request(Closed):
    """A body of a request; its values have their types already."""

    model_config = ConfigDict(strict=True)


class Answer(BaseModel):
    """A body of an answer."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


def _one_of(model: type[Closed], data: dict[str, Any]) -> str:
    return f"the fields {', '.join(model.known_fields(data))}"


def _bytes_of(value: object) -> int:
    """Returns the bytes that a caller's size means."""
    if isinstance(value, str) and re.fullmatch(SIZE_PATTERN, value):
        try:
            value = parse_size(value)
        except InvalidValue as error:
            context = {"value": error.members["value"], "accepted": error.members["accepted"]}
            raise PydanticCustomError("size", "not a size", context) from error
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_SIZE:
        raise PydanticCustomError("size", "not a size", {"accepted": _ACCEPTED_SIZE})
    return value


class _SizeSchema:
    """Documents both spellings of a size."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": LARGEST_SIZE},
                {"type": "string", "pattern": SIZE_PATTERN, "maxLength": 40},
            ],
            "description": 'bytes, or a string with a unit that is a power of 1024, such as "2GiB"',
        }


Size = Annotated[int, BeforeValidator(_bytes_of), _SizeSchema()]
PfnIn = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
