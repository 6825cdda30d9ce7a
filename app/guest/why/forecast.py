"""What would become of a new target: the answer of a copy that is asked for it, and how far one could go at all.

    guest ──fork──▶ copy ──ask──▶ outcome ──wait──▶ outcomes of retries
                     ├──fork──▶ copy ──ask for 0, looking after each request──▶ floor, safe floor
                     └──fork──▶ copy ──ask for the whole region──▶ ceiling

Kept here: the guest does not change; under its own policy what is told is what then happens, to the byte and the
nanosecond, as long as nobody else acts on it meanwhile.
Left out: why pieces stay (app.guest.why.explain).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from app.errors import InvalidValue
from app.guest.guest import Description, Guest
from app.guest.rules import Rules
from app.guest.why.hindrances import find_hindrances
from app.mm.node import Node
from app.trace.events import Event, RequestAnswered
from app.trace.sink import RingSink
from app.virtio_mem.device import Device
from app.virtio_mem.driver.causes import Cause

MOST_RETRIES = 10
_AS_THE_GUEST = Rules()
_NS_PER_US = 1000
# What ends the way down and the way up, in words of the machine's owner.
_FLOORS = {
    Cause.PAGE: "obstacles",
    Cause.MEMORY: "memory",
    Cause.DEVICE: "device",
    Cause.FAULT_RULE: "fault_rule",
    Cause.SIMULATOR: "obstacles",
}
_CEILINGS = {Cause.MEMORY: "memmap", Cause.OFFLINE_LIMIT: "offline_threshold"}


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a forecast is asked: a target in bytes, under which rules, and how many retries later.

    has_limits: whether floor, safe floor and ceiling are wanted, which take asking for nothing and for everything.
    """

    device_id: str
    requested_size: int
    rules: Rules = _AS_THE_GUEST
    retries: int = 0
    has_limits: bool = True


def validate_retries(retries: int) -> None:
    """Raises InvalidValue unless so many retries can be asked for."""
    if not 0 <= retries <= MOST_RETRIES:
        raise InvalidValue("retries", retries, f"0 to {MOST_RETRIES}")


def copy_for_forecast(guest: Guest, question: Question) -> Guest:
    """Returns the copy that forecast() works on; afterwards nobody needs the guest.

    Raises Unknown, InvalidValue, StateError. Costs a fork.
    """
    validate_retries(question.retries)
    guest.validate_target(question.device_id, question.requested_size)
    return guest.fork(policy=question.rules.policy, fallback=question.rules.fallback)


def forecast(copy: Guest, question: Question) -> Description:
    """Returns what becomes of a target, JSON-ready; sizes in bytes. The copy is used up.

    Costs the operation; with limits, two more of each, and two forks. Raises StateError for a guest that cannot act.
    """
    limits = find_limits(copy, question.device_id) if question.has_limits else None
    device = copy.find_device(question.device_id).device
    size_before, began_us = device.plugged_size, copy.clock.now_us
    outcome = copy.resize(question.device_id, question.requested_size)
    retries = [retry for _ in range(question.retries) if (retry := _retry(copy, question.device_id))]
    return {
        "device": question.device_id,
        "policy": copy.identity.policy,
        "fallback": _levels(outcome),
        "size_before": size_before,
        "requested_size": question.requested_size,
        "size": device.plugged_size,
        "outcome": outcome,
        "retries": retries,
        "simulated_us": copy.clock.now_us - began_us,
        "limits": limits,
    }


def find_limits(guest: Guest, device_id: str) -> Description:
    """Returns how far a device could be shrunk and grown now; sizes in bytes. The guest does not change.

    floor: what is left when it is asked for nothing. safe_floor: the lowest size on that way, looked at after each
    request that unplugs, before the free pages of all zones together fall below the sum of their high watermarks, where
    reclaim would begin; the present size when they are below already. ceiling: what is plugged when all of its region
    is asked for.
    """
    size = guest.find_device(device_id).device.plugged_size
    lowest = _Lowest()
    shrunk = guest.fork(sink=lowest)
    with lowest.watching(shrunk, device_id):
        fall = shrunk.resize(device_id, 0) if size else None
    grown = guest.fork()
    device = grown.find_device(device_id).device
    rise = grown.resize(device_id, device.region.region_size)
    return {
        "floor": shrunk.find_device(device_id).device.plugged_size,
        "floor_reason": _floor_reason(shrunk, device_id, fall),
        "safe_floor": lowest.safe.size,
        "free_at_safe_floor": lowest.safe.free,
        "high_watermarks": lowest.safe.high,
        "ceiling": device.plugged_size,
        "ceiling_reason": _ceiling_reason(grown, device_id, rise),
    }


class _Level(NamedTuple):
    """A size of the device, and the free pages and high watermarks of all zones then, in bytes."""

    size: int
    free: int
    high: int

    @property
    def is_safe(self) -> bool:
        """Whether nothing would have to be reclaimed."""
        return self.free >= self.high


class _Lowest(RingSink):
    """Watches a copy that shrinks, and remembers the lowest size at which it was safe."""

    def __init__(self) -> None:
        """Watches nobody yet."""
        super().__init__(0)
        self._look: Callable[[], _Level] | None = None
        self.safe = _Level(0, 0, 0)

    @contextmanager
    def watching(self, copy: Guest, device_id: str) -> Iterator[None]:
        """Watches a guest meanwhile: for longer, the two would keep each other in memory."""
        node, device = copy.node, copy.find_device(device_id).device
        self._look = partial(_look, node, device)
        self.safe = self._look()
        if not self.safe.is_safe:
            self._look = None
        yield
        self._look = None

    def emit(self, event: Event) -> None:
        """Looks after each answer of the device, up to the first that leaves the guest short."""
        if self._look is None or type(event) is not RequestAnswered:
            return
        level = self._look()
        if level.is_safe:
            self.safe = level
        else:
            self._look = None


def _look(node: Node, device: Device) -> _Level:
    size = node.geometry.page_size
    free = sum(zone.nr_free for zone in node.zones)
    high = sum(zone.watermarks.high for zone in node.zones)
    return _Level(device.plugged_size, free * size, high * size)


def _retry(copy: Guest, device_id: str) -> Description | None:
    """Lets time pass up to the next retry and its end; None when there is none to come."""
    deadline_ns = copy.find_device(device_id).deadline_ns
    if deadline_ns is None:
        return None
    copy.run_until(deadline_ns)
    copy.settle()
    outcomes = [outcome for outcome in copy.take_outcomes() if outcome["device"] == device_id]
    return {"at_us": deadline_ns // _NS_PER_US, "outcome": outcomes[-1]} if outcomes else None


def _levels(outcome: Description) -> list[str]:
    """Returns the levels that the driver had, which may have no use for one that was asked for."""
    tallies = outcome["by_level"]
    assert isinstance(tallies, dict)
    return list(tallies)


def _causes(outcome: Description) -> list[Cause]:
    """Returns what stopped the pieces that stayed, the most bytes first."""
    groups = outcome["obstacle_groups"]
    assert isinstance(groups, list)
    return [Cause(group["cause"]) for group in groups]


def _floor_reason(shrunk: Guest, device_id: str, outcome: Description | None) -> str | None:
    """Returns what ended the shrinking: a word of _FLOORS or of a hindrance, or "unit"; None: nothing is left."""
    if outcome is None or outcome["state"] == "done":
        return None
    causes = _causes(outcome)
    # What ended the pass counts more than what was passed over before.
    reasons = sorted(causes, key=lambda cause: cause in {Cause.PAGE, Cause.FAULT_RULE})
    return _FLOORS[reasons[0]] if reasons else _hindrance(shrunk, device_id) or "unit"


def _ceiling_reason(grown: Guest, device_id: str, outcome: Description) -> str:
    """Returns what ended the growth: a word of _CEILINGS or of a hindrance."""
    if outcome["state"] == "done":
        return "region"
    causes = _causes(outcome)
    if causes:
        return _CEILINGS.get(causes[0], str(causes[0]))
    return _hindrance(grown, device_id, is_plug=True) or "region"


def _hindrance(copy: Guest, device_id: str, *, is_plug: bool = False) -> str | None:
    """Returns the word of what keeps a driver from working that was asked, and found nothing in its way."""
    words = [hindrance.what for hindrance in find_hindrances(copy, device_id)]
    return next((word for word in words if not (is_plug and word == "unplug_online")), None)
