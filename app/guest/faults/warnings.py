"""Why a fault rule may never strike on a guest as it is: sentences for whoever added it.

Left out: rules that cannot be read (app.guest.faults.rules_json).
"""

from collections.abc import Iterable, Iterator

from app.guest.devices import AttachedDevice
from app.guest.faults.rule import FaultSpec


def warnings_of(spec: FaultSpec, attached: Iterable[AttachedDevice], *, can_reboot: bool) -> list[str]:
    """Returns why a rule, or a part of it, can do nothing, or nothing now; none, if all can."""
    warnings = list(_warnings(spec, list(attached)))
    if spec.reboot_after_us is not None and not can_reboot:
        warnings.append("the guest was captured: it has nothing to boot from, and stays dead")
    return warnings


def _warnings(spec: FaultSpec, attached: list[AttachedDevice]) -> Iterator[str]:
    match = spec.match
    if spec.probability == 0:
        yield "probability is 0: it never strikes"
    if spec.count == 0:
        yield "count is 0: it never strikes"
    meant = [row for row in attached if match.covers_device(row.device.id)]
    if match.device is not None and not meant:
        ids = ", ".join(row.device.id for row in attached) or "none"
        yield f"no device is named {match.device!r}; there are: {ids}"
    if match.level is not None and meant and not any(match.level in _levels(row) for row in meant):
        known = ", ".join(dict.fromkeys(level for row in meant for level in _levels(row)))
        yield f"no driver tries the level {match.level}; tried are: {known}"
    spans = [(row.device.region.addr, row.device.region.end) for row in meant]
    if spans and not any(match.touches(*span) for span in spans):
        regions = ", ".join(f"[{start}, {end})" for start, end in spans)
        yield f"the addresses lie outside the regions {regions}"
    if not attached and not spec.is_timed:
        yield "the guest has no device"


def _levels(attached: AttachedDevice) -> tuple[str, ...]:
    return tuple(str(level) for level in attached.driver.levels)
