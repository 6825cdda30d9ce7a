"""Members of JSON objects that people write: each value with the name of its place, `workload[2].fraction`.

Kept here: a value that cannot be is refused by its place, with what would be accepted.
Left out: what the members mean (app.guest.workload_json, app.guest.programs.phase_json).
"""

from collections.abc import Mapping
from typing import NamedTuple

from app.errors import InvalidValue
from app.units import parse_size

LONGEST_LABEL = 64
_LARGEST_SIZE = 1 << 62
# Names of unknown members are quoted up to here.
_LONGEST_PLACE = 200


class Member(NamedTuple):
    """One value and the name of its place."""

    value: object
    field: str

    def integer(self, lowest: int, highest: int) -> int:
        """Returns it as an integer of [lowest, highest]."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise InvalidValue(self.field, value, f"an integer from {lowest} to {highest}")
        return value

    def number(self, lowest: float, highest: float) -> float:
        """Returns it as a number of [lowest, highest]."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
            raise InvalidValue(self.field, value, f"a number from {lowest:g} to {highest:g}")
        return float(value)

    def fraction(self) -> float:
        """Returns it as a number above 0, up to 1."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
            raise InvalidValue(self.field, value, "a number above 0, up to 1")
        return float(value)

    def truth(self) -> bool:
        """Returns it as true or false."""
        if not isinstance(self.value, bool):
            raise InvalidValue(self.field, self.value, "true or false")
        return self.value

    def size(self, *, lowest: int = 1, highest: int = _LARGEST_SIZE) -> int:
        """Returns it as bytes."""
        if isinstance(self.value, str):
            size = parse_size(self.value, field=self.field)
            return Member(size, self.field).integer(lowest, highest)
        return self.integer(lowest, highest)

    def label(self) -> str:
        """Returns it as a label."""
        value = self.value
        if not isinstance(value, str) or not value or len(value) > LONGEST_LABEL or not value.isprintable():
            raise InvalidValue(self.field, value, f"1 to {LONGEST_LABEL} printable characters")
        return value


def members_of(value: object, field: str, known: set[str]) -> dict[str, Member]:
    """Returns the members of a JSON object by name; one that is null is as one that is not there.

    field: where it stands, "" for a whole body. Raises InvalidValue when it is no object, or has an unknown member.
    """
    place = f"{field}." if field else ""
    if not isinstance(value, Mapping):
        raise InvalidValue(field or "body", value, "an object")
    for name in value:
        if name not in known:
            accepted = f"no such member; known: {', '.join(sorted(known))}"
            raise InvalidValue(f"{place}{name}"[:_LONGEST_PLACE], value[name], accepted)
    return {name: Member(member, f"{place}{name}") for name, member in value.items() if member is not None}
