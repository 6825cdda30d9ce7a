"""The store of operations: by id, by guest and state, and bounded."""

import pytest

from app.errors import CapacityError, Unknown
from app.operations.operation import Operation, OperationState
from app.operations.operation_store import OperationStore


def _begin(store: OperationStore, guest: str = "web") -> Operation:
    store.make_room()
    return store.begin(guest=guest, device="vm0", requested_size=0, size_before=2**21, begun_us=5)


def test_operations_are_found_by_id_guest_and_state() -> None:
    """Ids are never used twice; what is not kept is unknown."""
    store = OperationStore(10)
    first, second = _begin(store), _begin(store, "db")
    second.fail(7, "broken")
    assert store.get("op-1") is first
    assert store.list(guest=None, state=None) == [first, second]
    assert store.list(guest="db", state=None) == [second]
    assert store.list(guest=None, state=OperationState.RUNNING) == [first]
    assert store.list(guest="db", state=OperationState.RUNNING) == []
    with pytest.raises(Unknown):
        store.get("op-3")


def test_the_oldest_that_are_over_make_room() -> None:
    """One that is under way stays, however old it is."""
    store = OperationStore(3)
    running, over, newer = (_begin(store) for _ in range(3))
    over.fail(1, "x")
    newer.fail(2, "x")
    newest = _begin(store)
    assert store.list(guest=None, state=None) == [running, newer, newest]
    with pytest.raises(Unknown):
        store.get(over.id)


def test_no_room_is_made_of_operations_that_are_under_way() -> None:
    """Where none is over, there is no room for one more."""
    store = OperationStore(1)
    _begin(store)
    with pytest.raises(CapacityError, match="1 operations are under way") as caught:
        store.make_room()
    assert caught.value.members == {"limit": 1}
