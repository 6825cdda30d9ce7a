"""What a guest was made of: told in words and numbers that JSON has."""

import json

from app.guest.identity import GuestIdentity


def test_identity_describes_itself_for_json() -> None:
    """Every member is told, the levels as a list; what nobody says is what a preset has."""
    identity = GuestIdentity(
        name="web",
        preset="toy",
        policy="linux-6.1",
        fallback=("memory_block", "pageblock"),
        online="offline",
        seed=7,
        boot_size=2**26,
    )
    told = identity.describe()
    assert json.loads(json.dumps(told)) == told
    assert (told["fallback"], told["source"], told["boot_reserved"]) == (
        ["memory_block", "pageblock"],
        "preset",
        0,
    )
