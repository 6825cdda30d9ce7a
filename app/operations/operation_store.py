"""Which operations there are: a bounded number, of which those that are over go first.

Left out: what becomes of one (app.operations.operation).
"""

from app.errors import CapacityError, Unknown
from app.operations.operation import Operation, OperationState, Standing

_MOST_KNOWN = 16


class OperationStore:
    """The operations of all guests, by id. Used on one event loop."""

    def __init__(self, max_operations: int) -> None:
        """Starts without any."""
        self._max_operations = max_operations
        self._operations: dict[str, Operation] = {}
        self._last_number = 0

    def get(self, operation_id: str) -> Operation:
        """Returns an operation.

        Raises Unknown: it never was, or is over and had to make room.
        """
        operation = self._operations.get(operation_id)
        if operation is None:
            newest = list(self._operations)[-_MOST_KNOWN:]
            raise Unknown("operation", operation_id, newest)
        return operation

    def list(self, *, guest: str | None, state: OperationState | None) -> list[Operation]:
        """Returns the operations, oldest first; None: of every guest, in every state."""
        return [
            operation
            for operation in self._operations.values()
            if guest in (None, operation.guest) and state in (None, operation.standing.state)
        ]

    def make_room(self) -> None:
        """Makes room for one more, if it can.

        Raises CapacityError when none of so many is over.
        """
        while len(self._operations) >= self._max_operations:
            oldest = next((row.id for row in self._operations.values() if row.is_over), None)
            if oldest is None:
                limit = self._max_operations
                raise CapacityError(
                    f"{limit} operations are under way, which is the configured limit", limit=limit
                )
            del self._operations[oldest]

    def begin(
        self, *, guest: str, device: str, requested_size: int, size_before: int, begun_us: int
    ) -> Operation:
        """Adds an operation that begins now; make_room() has been called."""
        self._last_number += 1
        operation = Operation(
            id=f"op-{self._last_number}",
            guest=guest,
            device=device,
            requested_size=requested_size,
            size_before=size_before,
            begun_us=begun_us,
            standing=Standing(size=size_before),
        )
        self._operations[operation.id] = operation
        return operation
