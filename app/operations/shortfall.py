"""Why a device has not the size that was asked for: one sentence, from what its driver found.

Left out: the pieces one by one (explain), and what the driver does about it.
"""

from collections.abc import Mapping
from typing import Any

from app.guest.progress import DeviceProgress
from app.units import format_size

_MOST_GROUPS = 3
_NS_PER_S = 1_000_000_000
_NO_DRIVER = {
    "unloaded": "no driver is loaded for the device",
    "broken": "the driver has given the device up",
}
# What ended a pass, by its cause; causes that are told by their result are below.
_CAUSES = {
    "fault_rule": "a fault rule struck",
    "offline_limit": "too much of the added memory is not online",
    "region": "the device's region has no room for more",
    "simulator": "the simulator gave up, where Linux would still be trying",
}
_OF_THE_DEVICE = {
    "ETXTBSY": "the device was busy",
    "ENOMEM": "the device refused it (NACK)",
    "EINVAL": "the device answered ERROR",
}


def why(outcome: Mapping[str, Any] | None, now: DeviceProgress) -> str:
    """Returns why `now.size` is not `now.requested_size`; outcome: of the driver's last work item, if it had one."""
    missing = now.requested_size - now.size
    amount = format_size(abs(missing))
    lacking = f"{amount} could not be plugged" if missing > 0 else f"{amount} stay plugged"
    causes = _standstill(now) or _causes(outcome, now)
    return "; ".join([f"{lacking}: {', '.join(causes)}" if causes else lacking, *_next(now)])


def _standstill(now: DeviceProgress) -> list[str]:
    """Returns what keeps the driver from working at all."""
    if now.state in _NO_DRIVER:
        return [_NO_DRIVER[now.state]]
    if now.is_absent:
        return ["a fault rule keeps the driver from working"]
    return ["the driver was not told of the new target"] if now.is_untold else []


def _causes(outcome: Mapping[str, Any] | None, now: DeviceProgress) -> list[str]:
    groups = [] if outcome is None else outcome["obstacle_groups"]
    causes = [_group(group, is_plug=now.requested_size > now.size) for group in groups[:_MOST_GROUPS]]
    if len(groups) > _MOST_GROUPS:
        causes.append(f"and {len(groups) - _MOST_GROUPS} other reasons")
    return causes or _without_pieces(now)


def _without_pieces(now: DeviceProgress) -> list[str]:
    """Returns why a driver that found nothing in its way did not go on."""
    missing = now.requested_size - now.size
    if now.last_result == "EAGAIN":
        return ["the device refused each new try (NACK), or its configuration changed all the time"]
    if now.last_result != "0":
        return [f"the driver's last try ended with {now.last_result}"]
    if abs(missing) < now.unit_size:
        return [f"less than {format_size(now.unit_size)} at once is never plugged or unplugged"]
    if missing < 0 and not now.may_unplug_online:
        return ["the driver may not unplug online memory (unplug_online=no)"]
    return []


def _group(group: Mapping[str, Any], *, is_plug: bool) -> str:
    size, level = format_size(group["bytes"]), group["level"]
    result, cause = group["result"], group["cause"]
    if cause == "page":
        pieces = f"{group['count']} piece{'s' * (group['count'] != 1)} ({size})"
        return f"{pieces} held by {group['kind'] or 'somebody'} ({level}, {result})"
    if cause == "memory":
        return (
            f"{size} for lack of memory {'for memmaps' if is_plug else 'to migrate to'} ({level}, {result})"
        )
    if cause == "device":
        return f"{size} as {_OF_THE_DEVICE.get(result, 'the device refused it')} ({result})"
    return f"{size} as {_CAUSES[cause]} ({result})"


def _next(now: DeviceProgress) -> list[str]:
    if now.goes_on_ns is None:
        return []
    what = "goes on" if now.deadline_ns is None else "tries again"
    return [f"the driver {what} at {now.goes_on_ns / _NS_PER_S:.1f} s of the guest's clock"]
