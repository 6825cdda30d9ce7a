"""Where simulated guests start from: a recorded snapshot, whole or with its zones told by an earlier one."""

from app.guest.guest import Guest
from app.virtio_mem.device import Device
from tests.kernel_facts.playing import Played
from tests.kernel_facts.recordings import Json, Scenario, Setting, scenario
from tests.kernel_facts.snapshot_guest import (
    PAGE,
    PAGEBLOCK,
    Pageblocks,
    free_kinds,
    load_guest,
    pageblocks_of,
    pin_every,
)

_BOOT_ZONES = ("DMA", "DMA32")


def booted(kernel: str, setting: Setting, *, make_device: type[Device] = Device) -> Played:
    """Returns the guest of `setting` as it was before anything was plugged, as another scenario recorded it."""
    baseline = scenario(kernel, "idle_movable").steps[0]["snapshot"]
    return Played(load_guest(setting, baseline, pageblocks_of(baseline), make_device=make_device))


def loaded_before(facts: Scenario, step: int, *, every: int | None = None, guest: int = 0) -> Played:
    """Returns the guest as it was before a step; every: one page is pinned in each such pageblock."""
    snapshot = facts.snapshot_before(step)
    pageblocks = pageblocks_of(snapshot)
    if every:
        pin_every(pageblocks, every)
    return Played(_load(facts, snapshot, pageblocks, guest))


def loaded_after_workload(facts: Scenario, step: int, *, guest: int = 0) -> Played:
    """Returns the guest as it was before a step, but without the pages of the workload that has ended."""
    snapshot = facts.snapshot_before(step)
    pageblocks = pageblocks_of(snapshot)
    free_kinds(pageblocks, "anon", "mlocked", "file", "thp")
    return Played(_load(facts, snapshot, pageblocks, guest))


def _load(facts: Scenario, snapshot: Json, pageblocks: Pageblocks, guest_number: int) -> Guest:
    setting = facts.settings[guest_number]
    if "zones" not in snapshot:
        snapshot = snapshot | {"zones": zones_of(facts.kernel, setting, snapshot, pageblocks)}
        guest = load_guest(setting, snapshot, pageblocks)
        guest.node.recompute_watermarks()
        return guest
    return load_guest(setting, snapshot, pageblocks)


def zones_of(kernel: str, setting: Setting, snapshot: Json, pageblocks: Pageblocks) -> Json:
    """Returns the zones of a snapshot that tells none: boot memory's of a booted guest, the device's by its pages."""
    booted_zones = _some_zones(kernel, setting)
    zones = {name: booted_zones[name] for name in _BOOT_ZONES}
    here = [kinds for kinds in pageblocks if "nopage" not in kinds]
    if here:
        present = len(here) * PAGEBLOCK
        managed = present - sum(kinds.get("offline", 0) for kinds in here)
        name = "Movable" if setting.online == "online_movable" else "Normal"
        zone = {"start_pfn": setting.memaddr // PAGE, "present": present, "managed": managed}
        last = max(number for number, kinds in enumerate(pageblocks) if "nopage" not in kinds)
        zones[name] = zone | {"spanned": (last + 1) * PAGEBLOCK, "free": 0, "min": 0, "low": 0, "high": 0}
    return zones


def _some_zones(kernel: str, setting: Setting) -> Json:
    """Returns the zones of any snapshot of a guest with as much boot memory."""
    for name in ("idle_movable", "fill_movable"):
        facts = scenario(kernel, name)
        if facts.settings[0].boot_bytes == setting.boot_bytes:
            found: Json = next(step["snapshot"]["zones"] for step in facts.steps if "snapshot" in step)
            return found
    raise LookupError(setting.boot_bytes)
