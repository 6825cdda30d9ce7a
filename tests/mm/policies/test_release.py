"""Releases: which policy stands for which kernel."""

import pytest

from app.errors import InvalidValue
from app.mm.policies.release import policy_for_release


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ("4.4.0", "no-guard"),
        ("5.10.0-46-amd64", "linux-5.10"),
        ("5.15.85", "linux-5.15"),
        ("5.18.3", "linux-5.15"),
        ("5.19.0", "linux-5.19"),
        ("6.1.0-56-amd64", "linux-5.19"),
        ("6.6.87", "linux-6.6"),
        ("6.11.2", "linux-6.10"),
        ("6.12.9+deb13-cloud-amd64", "linux-6.12"),
        ("6.16", "linux-6.16"),
        ("6.18.2", "linux-6.17"),
        ("7.3.0-rc1", "linux-6.17"),
    ],
)
def test_policy_for_release_by_table(release: str, name: str) -> None:
    """12.2, row by row."""
    assert policy_for_release(release).name == name


@pytest.mark.parametrize("release", ["", "linux", "six.one", ".5"])
def test_policy_for_release_refuses_no_release(release: str) -> None:
    """What does not begin with two numbers is no release."""
    with pytest.raises(InvalidValue, match="kernel_release"):
        policy_for_release(release)
