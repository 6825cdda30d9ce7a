"""The snapshots of one guest: copies of it at rest in memory, by name, to which it can be restored.

Kept here: a name stands for one snapshot, and is not given again by itself.
Left out: making a copy, and restoring from it (app.operations.forking).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.errors import CapacityError, InvalidValue, NameTaken, Unknown
from app.guest.guest import Guest

NAME_PATTERN = r"^[a-z0-9-]{1,63}$"


@dataclass(frozen=True)
class Snapshot:
    """A guest as it was; nobody lets it act. digest: of its state, at_us: its clock."""

    id: str
    guest: Guest
    at_us: int
    digest: str

    @property
    def nr_pages(self) -> int:
        """Pages that it counts for."""
        return self.guest.nr_pages

    def describe(self) -> dict[str, object]:
        """Returns it JSON-ready."""
        return {"id": self.id, "at_us": self.at_us, "digest": self.digest, "nr_pages": self.nr_pages}


class Snapshots:
    """A guest's snapshots, oldest first."""

    def __init__(self) -> None:
        """Starts with none."""
        self._rows: dict[str, Snapshot] = {}
        self._next_number = 1

    def __iter__(self) -> Iterator[Snapshot]:
        """Yields them, oldest first."""
        return iter(self._rows.values())

    @property
    def nr_pages(self) -> int:
        """Pages of all of them."""
        return sum(row.nr_pages for row in self)

    def validate(self, name: str | None, *, limit: int) -> None:
        """Raises InvalidValue, NameTaken or CapacityError when no snapshot of that name can be taken."""
        if name is not None and re.fullmatch(NAME_PATTERN, name) is None:
            raise InvalidValue("name", name, "1 to 63 characters of a-z, 0-9 and -")
        if name in self._rows:
            raise NameTaken(str(name), "snapshot")
        if len(self._rows) >= limit:
            detail = f"the guest has {limit} snapshots, which is the configured limit: delete one"
            raise CapacityError(detail, limit=limit)

    def free_name(self) -> str:
        """Returns snapshot-1, snapshot-2 ...: the next that was not given."""
        while True:
            name = f"snapshot-{self._next_number}"
            self._next_number += 1
            if name not in self._rows:
                return name

    def add(self, row: Snapshot) -> None:
        """Adds one, under a name that is free."""
        self._rows[row.id] = row

    def get(self, name: str) -> Snapshot:
        """Returns the snapshot of that name.

        Raises Unknown.
        """
        row = self._rows.get(name)
        if row is None:
            raise Unknown("snapshot", name, self._rows)
        return row

    def remove(self, name: str) -> None:
        """Forgets one.

        Raises Unknown.
        """
        del self._rows[self.get(name).id]
