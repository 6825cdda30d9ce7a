"""The snapshots of a guest, by name: taken ones, free ones, wrong ones."""

import pytest

from app.errors import CapacityError, InvalidValue, NameTaken, Unknown
from app.operations.snapshot import Snapshot, Snapshots
from tests.guest.making import toy_guest


def with_rows(*names: str) -> Snapshots:
    """Returns snapshots of these names, all of one guest."""
    snapshots, guest = Snapshots(), toy_guest()
    for name in names:
        snapshots.add(Snapshot(name, guest, guest.clock.now_us, guest.digest()))
    return snapshots


def test_snapshots_by_name() -> None:
    """They are told in order, counted, found and forgotten."""
    snapshots = with_rows("b", "a")
    assert [row.id for row in snapshots] == ["b", "a"]
    assert snapshots.nr_pages == 2 * snapshots.get("a").guest.nr_pages
    assert snapshots.get("a").describe()["id"] == "a"
    snapshots.remove("b")
    with pytest.raises(Unknown):
        snapshots.remove("b")
    assert [row.id for row in snapshots] == ["a"]


def test_free_names_are_not_given_again() -> None:
    """A name that somebody chose is passed over, and so is one that was given."""
    snapshots = with_rows("snapshot-2")
    assert snapshots.free_name() == "snapshot-1"
    assert snapshots.free_name() == "snapshot-3"


@pytest.mark.parametrize(
    ("name", "limit", "error"),
    [
        ("a", 9, NameTaken),
        ("A", 9, InvalidValue),
        ("", 9, InvalidValue),
        ("b", 1, CapacityError),
        (None, 1, CapacityError),
    ],
)
def test_snapshots_that_cannot_be_taken(name: str | None, limit: int, error: type[Exception]) -> None:
    """A name that is taken or none, and a limit that is reached."""
    with pytest.raises(error):
        with_rows("a").validate(name, limit=limit)
    with_rows("a").validate("b", limit=2)
