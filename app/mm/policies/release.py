"""Which policy stands for a given kernel release.

Mirrors semantics section 12.2; releases there are bracketed by the trees that were read (section 13).
Left out: distributions' back-ports.
"""

import re

from app.errors import InvalidValue
from app.mm.policies.policy import POLICIES, KernelPolicy

# First release (major, minor) of each label, newest first (12.2).
_RELEASES = (
    ((6, 17), "linux-6.17"),
    ((6, 15), "linux-6.16"),
    ((6, 12), "linux-6.12"),
    ((6, 10), "linux-6.10"),
    ((6, 6), "linux-6.6"),
    ((5, 19), "linux-5.19"),
    # Recorded: five attempts and KERNEL/MOVABLE states later, neither on 5.10; the change is about 5.13.
    ((5, 13), "linux-5.15"),
    ((4, 6), "linux-5.10"),
)
_RELEASE = re.compile(r"(\d{1,4})\.(\d{1,4})")


def policy_for_release(release: str) -> KernelPolicy:
    """Returns the policy that stands for a release such as "6.1.0-56-amd64".

    Raises InvalidValue when `release` does not begin with two numbers.
    """
    match = _RELEASE.match(release)
    if match is None:
        raise InvalidValue("kernel_release", release, 'a release such as "6.1.0-56-amd64"')
    version = (int(match[1]), int(match[2]))
    for first, name in _RELEASES:
        if version >= first:
            return POLICIES[name]
    return POLICIES["no-guard"]
