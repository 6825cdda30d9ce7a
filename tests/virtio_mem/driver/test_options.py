"""A driver's options: what the system does with added memory, by name."""

import pytest

from app.errors import InvalidValue
from app.mm.zone import ZoneId
from app.virtio_mem.driver.options import DriverOptions, OnlinePolicy, parse_online_policy


def test_parse_online_policy_returns_the_policy_and_its_zone() -> None:
    """HP-2: kernel memory goes to NORMAL, movable memory to MOVABLE, the rest waits for somebody."""
    zones = {name: parse_online_policy(name).zone for name in ("offline", "online_kernel", "online_movable")}
    assert zones == {"offline": None, "online_kernel": ZoneId.NORMAL, "online_movable": ZoneId.MOVABLE}


@pytest.mark.parametrize("name", ["", "online", "Online_kernel"])
def test_parse_online_policy_unknown_name_is_refused(name: str) -> None:
    """The refusal names the field and what would be accepted."""
    with pytest.raises(InvalidValue, match="offline, online_kernel, online_movable") as refusal:
        parse_online_policy(name)
    assert refusal.value.members["field"] == "online"


def test_default_options_are_the_kernels_own() -> None:
    """The levels and the policy of the node, in ZONE_MOVABLE."""
    options = DriverOptions()
    assert options.fallback is None
    assert options.online is OnlinePolicy.ONLINE_MOVABLE
    assert options.policy is None
    assert options.unplug_online
