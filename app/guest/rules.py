"""Under which rules a copy of a guest shall live: a kernel policy and the levels of its drivers' fallback.

Left out: whether the copy's memory fits them (Guest.fork refuses what does not).
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.errors import InvalidValue, Unknown
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.policy_text import parse_policy
from app.virtio_mem.driver.fallback import parse_fallback


class Rules(NamedTuple):
    """What differs in a copy; None: as in the guest."""

    policy: KernelPolicy | None = None
    fallback: tuple[str, ...] | None = None


def parse_rules(policy: str | None, fallback: Sequence[str] | None) -> Rules:
    """Returns the rules that a caller names; levels that he does not name are those of the policy that he does.

    Raises InvalidValue.
    """
    kernel = None if policy is None else _parse_policy(policy)
    if fallback is not None:
        return Rules(kernel, tuple(map(str, parse_fallback(fallback))))
    return Rules(kernel, None if kernel is None else tuple(map(str, kernel.fallback)))


def _parse_policy(text: str) -> KernelPolicy:
    try:
        return parse_policy(text)
    except Unknown as error:
        known = error.members["known"]
        assert isinstance(known, list)
        raise InvalidValue("policy", text, f"a known {error.members['field']}: {', '.join(known)}") from None
