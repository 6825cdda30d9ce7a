"""What pydantic says of a request, in our problems' words: which field, which value, what would be accepted.

Left out: what only an operation can know, such as the block size of a device (those errors say it
themselves).
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from fastapi.exceptions import RequestValidationError

from app.errors import show_value

# A request of a thousand mistakes is answered with the first few of them.
MOST_COMPLAINTS = 20
_LONGEST_QUOTE = 200
_LARGEST_EXACT_INTEGER = 2**63  # larger ones are quoted as text: few JSON readers would read them exactly


class Complaint(NamedTuple):
    """One thing wrong with a request."""

    field: str
    value: object
    accepted: str
    is_syntax: bool = False
    is_missing: bool = False

    @property
    def detail(self) -> str:
        """One sentence for people."""
        if self.is_syntax:
            return f"the body is no JSON: {self.accepted}"
        if self.is_missing:
            return f"{self.field} is missing; accepted: {self.accepted}"
        return f"{self.field} is {show_value(self.value)}; accepted: {self.accepted}"

    @property
    def members(self) -> dict[str, object]:
        """The same for programs."""
        return {"field": self.field, "value": self.value, "accepted": self.accepted}


def quote(value: object) -> object:
    """Returns `value` so that it can stand in a JSON answer: short, finite, and encodable."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < _LARGEST_EXACT_INTEGER:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, int):
        # Decimal digits of a huge integer cost quadratic time, and Python refuses beyond some thousands.
        return f"an integer of {value.bit_length()} bits"
    text = value if isinstance(value, str) else repr(value)
    return text[:_LONGEST_QUOTE].encode("utf-8", "replace").decode()


def complaints_of(error: RequestValidationError) -> list[Complaint]:
    """Returns the first complaints; at least one."""
    return [_complaint(each) for each in error.errors()[:MOST_COMPLAINTS]]


def is_unparsed_body(error: RequestValidationError) -> bool:
    """Returns whether FastAPI left the body as it was, since its Content-Type is not JSON."""
    return any(each["loc"] == ("body",) and isinstance(each.get("input"), bytes) for each in error.errors())


def _complaint(each: dict[str, Any]) -> Complaint:
    """Translates one of pydantic's errors."""
    if each["type"] == "json_invalid":
        return Complaint(
            "body", None, f"{each['ctx']['error']} at character {each['loc'][-1]}", is_syntax=True
        )
    location = [part for part in each["loc"] if part not in {"query", "path"}]
    context = each.get("ctx", {})
    if "unknown_field" in context:
        location.append(context["unknown_field"])
    is_missing = each["type"] == "missing"
    value = None if is_missing else quote(context.get("value", each.get("input")))
    accepted = context.get("accepted") or _accepted(each["type"], context)
    return Complaint(_field(location), value, accepted, is_missing=is_missing)


def _field(location: Sequence[str | int]) -> str:
    """Returns a location as one would write it: devices[0].size."""
    parts = location[1:] if location[:1] == ["body"] and len(location) > 1 else location
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return str(quote(text.removeprefix(".")))


_ACCEPTED = {
    "missing": "a value: it is required",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "int_parsing": "an integer",
    "int_parsing_size": "an integer of 64 bits",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "a string",
    "string_unicode": "a string that is valid Unicode",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "literal_error": "one of {expected}",
    "enum": "one of {expected}",
    "string_pattern_mismatch": "a string that matches {pattern}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} items",
    "too_long": "at most {max_length} items",
    "greater_than_equal": "{ge} or more",
    "greater_than": "more than {gt}",
    "less_than_equal": "{le} or less",
    "less_than": "less than {lt}",
    "union_tag_not_found": "an object with {discriminator}",
    "union_tag_invalid": "{discriminator}: one of {expected_tags}",
}


def _accepted(kind: str, context: dict[str, Any]) -> str:
    """Returns what would be accepted instead."""
    template = _ACCEPTED.get(kind)
    return template.format_map(context) if template else kind.replace("_", " ")
