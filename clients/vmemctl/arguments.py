"""What people type for vmemctl, read: sizes, devices, lists, workload files. Every fault is a usage error.

Left out: what the service accepts (whether a size fits a region, which policies there are): it knows better.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import typer

from clients.sizes import GIB, parse_size
from clients.specs import ClockSpec, CmaAreaSpec, DeviceSpec, DriverParameters, DriverSpec, ScriptSpec

_SHORTEST_WAIT_S = 0.05
_LONGEST_WAIT_S = 1_000_000.0
_YES_NO = {"yes": True, "1": True, "no": False, "0": False}


def size(text: str) -> int:
    """Returns the bytes that `text` names; raises typer.BadParameter."""
    try:
        return parse_size(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def pfn(text: str) -> int:
    """Returns a page frame number, decimal or 0x...; raises typer.BadParameter."""
    try:
        return int(text, 0)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no page frame number") from error


def seconds(text: str | float) -> float:
    """Returns a time to wait; raises typer.BadParameter for what no clock can measure, or would flood a service.

    typer gives a default as it is, so this reads numbers as well.
    """
    number = _number(text)
    if not _SHORTEST_WAIT_S <= number <= _LONGEST_WAIT_S:
        raise typer.BadParameter(
            f"{text} is not between {_SHORTEST_WAIT_S:g} and {_LONGEST_WAIT_S:g} seconds"
        )
    return number


def duration_us(text: str) -> int:
    """Returns the microseconds that so many seconds are; raises typer.BadParameter."""
    number = _number(text)
    if number < 0:
        raise typer.BadParameter(f"{text} is negative")
    return round(number * 1_000_000)


def clock(text: str) -> ClockSpec:
    """Returns the clock of `MODE[:SCALE]`; raises typer.BadParameter."""
    mode, colon, scale = text.partition(":")
    return ClockSpec(mode=mode, scale=_number(scale) if colon else None)


def comma_list(text: str) -> tuple[str, ...]:
    """Returns the parts of `a,b,c`."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def online(text: str) -> str:
    """Returns the API's word for `kernel` and `movable`; any other is one already."""
    return f"online_{text}" if text in ("kernel", "movable") else text


def _yes_or_no(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise ValueError(f"{text!r} is neither yes nor no")
    return text == "yes"


# What `create --set` knows, and what reads each value.
SETTINGS: Mapping[str, Callable[[str], Any]] = {
    "auto_movable_ratio": int,
    "auto_movable_numa_aware": _yes_or_no,
    "offline_max_rounds": int,
    "boot_reserved": parse_size,
    "boot_used": parse_size,
}


def settings(texts: Sequence[str]) -> dict[str, Any]:
    """Returns the members of a guest's spec that `NAME=VALUE` texts set.

    Raises typer.BadParameter.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in SETTINGS:
            raise typer.BadParameter(f"no setting is named {name!r}; there are {', '.join(SETTINGS)}")
        try:
            found[name] = SETTINGS[name](value)
        except ValueError as error:
            raise typer.BadParameter(f"{name}: {error}") from None
    return found


def devices(
    texts: Sequence[str], requested: Sequence[int], driver_text: str | None = None
) -> tuple[DeviceSpec, ...]:
    """Returns the devices of `SIZE[:BLOCK][,node=N]` texts; one requested size holds for all, several go one to each.

    driver_text: of the driver of each of them. Raises typer.BadParameter.
    """
    parsed = [_device(text) for text in texts]
    module = None if driver_text is None else driver(driver_text)
    return tuple(
        replace(device, requested_size=target, driver=module)
        for device, target in zip(parsed, _targets(requested, len(parsed)), strict=True)
    )


def boot_memory(boot: int | None, numa: str | None) -> dict[str, Any]:
    """Returns boot_size and numa_nodes of a guest's spec; numa: `SIZE,SIZE...`, which add up if nobody says boot.

    Raises typer.BadParameter.
    """
    nodes = None if numa is None else tuple(size(part) for part in numa.split(","))
    return {"boot_size": sum(nodes or (GIB,)) if boot is None else boot, "numa_nodes": nodes}


def driver_parameters(texts: Sequence[str]) -> DriverParameters:
    """Returns the module parameters of `NAME=VALUE` texts.

    Raises typer.BadParameter.
    """
    return DriverParameters(**_parameters(texts))


def driver(text: str) -> DriverSpec:
    """Returns the driver of `none`, or of `NAME=VALUE,...`: module parameters.

    Raises typer.BadParameter.
    """
    if text == "none":
        return DriverSpec(is_loaded=False)
    return DriverSpec(**_parameters(comma_list(text)))


def cma_areas(texts: Sequence[str]) -> tuple[CmaAreaSpec, ...]:
    """Returns the CMA areas of `NAME:SIZE[@BASE]` texts.

    Raises typer.BadParameter.
    """
    return tuple(_cma_area(text) for text in texts)


def workload(text: str) -> str | tuple[Mapping[str, object], ...]:
    """Returns the steps in a JSON file (an array, or an object with one), or a ready-made name.

    Raises typer.BadParameter.
    """
    if not text.endswith(".json"):
        return text
    path = Path(text)
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{path}: {error}") from error
    steps = content.get("workload") if isinstance(content, dict) else content
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise typer.BadParameter(f"{path}: not an array of workload steps")
    return tuple(steps)


def script(path: Path) -> ScriptSpec:
    """Returns the script in a JSON file: an array of phases, or an object with them and how they are played.

    Raises typer.BadParameter.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{path}: {error}") from error
    members = content if isinstance(content, dict) else {"phases": content}
    unknown = ", ".join(members.keys() - {name.name for name in fields(ScriptSpec)})
    if unknown or not isinstance(members.get("phases"), list):
        fault = f"has {unknown}, which no script has" if unknown else "no array of phases"
        raise typer.BadParameter(f"{path}: {fault}")
    return ScriptSpec(**members)


def _parameters(texts: Sequence[str]) -> dict[str, Any]:
    known = [member.name for member in fields(DriverParameters)]
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if name not in known:
            raise typer.BadParameter(f"{name!r} is no module parameter; those are {', '.join(known)}")
        if name == "bbm_block_size":
            found[name] = size(value)
        elif value in _YES_NO or not equals:
            found[name] = _YES_NO.get(value, True)
        else:
            raise typer.BadParameter(f"{name} is yes or no, not {value!r}")
    return found


def _number(text: str | float) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no number") from error
    if not math.isfinite(number):
        raise typer.BadParameter(f"{text} is no time")
    return number


def _device(text: str) -> DeviceSpec:
    place, comma, member = text.partition(",")
    region, colon, block = place.partition(":")
    name, _, node = member.partition("=")
    if comma and (name != "node" or not node.isdecimal()):
        raise typer.BadParameter(f"{member!r} is no NUMA node such as node=1")
    return DeviceSpec(
        size=size(region), block_size=size(block) if colon else None, node=int(node) if comma else None
    )


def _cma_area(text: str) -> CmaAreaSpec:
    name, colon, place = text.partition(":")
    if not name or not colon:
        raise typer.BadParameter(f"{text!r} is no CMA area such as dma:64MiB or dma:64MiB@512MiB")
    extent, at_sign, base = place.partition("@")
    return CmaAreaSpec(name=name, size=size(extent), base=size(base) if at_sign else None)


def _targets(requested: Sequence[int], nr_devices: int) -> Sequence[int | None]:
    """Returns one target for each device; None leaves it to the service."""
    if not requested:
        return [None] * nr_devices
    if len(requested) == 1 and nr_devices:
        return list(requested) * nr_devices
    if len(requested) != nr_devices:
        raise typer.BadParameter(f"--requested was given {len(requested)} times, --device {nr_devices} times")
    return requested
