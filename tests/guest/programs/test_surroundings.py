"""What programs live by: the guest's own parts."""

from tests.guest.programs.small import small_guest, surroundings_of


def test_geometry_is_the_nodes() -> None:
    """Sizes come from the node."""
    guest = small_guest()
    assert surroundings_of(guest).geometry is guest.node.geometry
