"""Why a device has not the size that was asked for: one sentence, from what its driver found.

Left out: the pieces one by one (explain), and what the driver does about it.
"""

from collections.abc import Mapping
from typing import Any

from app.guest.progress import DeviceProgress
from app.units import format_size

_MOST_GROUPS = 3
_NS_PER_S = 1_000_000_000
# What an idle driver would say itself.
_NO_DRIVER = {
    "unloaded": "no driver is loaded for the device",
    "broken": "the driver has given the device up",
}
_ENDS = {
    "ENOSPC": "the device or its region has no room for more",
    "EAGAIN": "the device's configuration changes all the time",
}


def why(outcome: Mapping[str, Any] | None, now: DeviceProgress) -> str:
    """Returns why `now.size` is not `now.requested_size`; outcome: of the driver's last work item, if it had one."""
    missing = now.requested_size - now.size
    amount = format_size(abs(missing))
    lacking = f"{amount} could not be plugged" if missing > 0 else f"{amount} stay plugged"
    causes = [_NO_DRIVER[now.state]] if now.state in _NO_DRIVER else _causes(outcome, now)
    return "; ".join([f"{lacking}: {', '.join(causes)}" if causes else lacking, *_next(now)])


def _causes(outcome: Mapping[str, Any] | None, now: DeviceProgress) -> list[str]:
    if outcome is None:
        return ["the driver was not told of the new target"]
    groups = outcome["obstacle_groups"]
    causes = [_group(group) for group in groups[:_MOST_GROUPS]]
    if len(groups) > _MOST_GROUPS:
        causes.append(f"and {len(groups) - _MOST_GROUPS} other reasons")
    if not causes and now.last_result in _ENDS:
        causes.append(_ENDS[now.last_result])
    if not causes and now.last_result != "0":
        causes.append(f"the driver's last try ended with {now.last_result}")
    if not causes and abs(now.requested_size - now.size) < now.unit_size:
        causes.append(f"less than {format_size(now.unit_size)} at once is never plugged or unplugged")
    return causes


def _group(group: Mapping[str, Any]) -> str:
    pieces = f"{group['count']} piece{'s' * (group['count'] != 1)} ({format_size(group['bytes'])})"
    what = f"held by {group['kind']}" if group["kind"] else "for lack of memory"
    return f"{pieces} {what} ({group['level']}, {group['result']})"


def _next(now: DeviceProgress) -> list[str]:
    if now.deadline_ns is None:
        return []
    return [f"the driver tries again at {now.deadline_ns / _NS_PER_S:.1f} s of the guest's clock"]
