"""The load report: what a capture's own counts say against the guest that was made of it, and what was assumed.

Left out: judging; a live machine moves while it is read, so that small differences are expected.
"""

from collections.abc import Mapping

from app.guest.capture.machine import CapturedMachine
from app.guest.capture.plan import CapturedDevice
from app.guest.capture.proc_text import ZoneKey
from app.guest.guest import Guest
from app.mm.census import total_kinds
from app.mm.node import Node
from app.mm.page import PageKind
from app.mm.zone import ZONE_NAMES, ZoneId

_ABOUT_PINS = "Flags show only the pins of memory that no process maps any more: more pages may be pinned."
_FreeLists = Mapping[ZoneKey, tuple[int, ...]]


class LoadReport:
    """Collects while a capture is loaded."""

    def __init__(self, machine: CapturedMachine) -> None:
        """Starts with nothing assumed."""
        self._machine = machine
        self.per_cpu: list[dict[str, object]] = []
        self._devices: list[dict[str, object]] = []
        self._zones: list[dict[str, object]] = []
        self.nr_memmaps = 0
        self.nr_pinned = 0
        self.nr_unmanaged = 0
        self.nr_strangers = 0
        self.has_strange_watermarks = False
        self.nr_balloon = 0
        self.nr_types_unplaced = 0

    @property
    def has_virtio_memory(self) -> bool:
        """Whether iomem shows memory that a virtio-mem driver added."""
        return any("virtio_mem" in entry.name for entry in self._machine.iomem)

    def add_per_cpu(self, zone: ZoneId, counted: int, assumed: int) -> None:
        """Notes how many pages zoneinfo counts on per-cpu lists, and how many unmarked pages were taken for them."""
        if counted or assumed:
            self.per_cpu.append(
                {"zone": ZONE_NAMES[zone], "counted_pages": counted, "assumed_pages": assumed}
            )

    def add_device(self, planned: CapturedDevice, plugged_size: int) -> None:
        """Notes a device that was made."""
        region = planned.region
        self._devices.append(
            {
                "id": planned.id,
                "addr": region.addr,
                "region_size": region.region_size,
                "size": plugged_size,
                "memory_blocks": len(planned.memory_blocks),
            }
        )

    def compare(self, node: Node) -> None:
        """Compares the loaded free lists with the captured buddyinfo, per zone and order.

        captured_after: those of a live machine just after its pages were read; what lies between moved meanwhile.
        """
        for zone in node.zones:
            if not zone.present:
                continue
            facts = self._machine.zones_named(zone.name)
            loaded = [int(count) for count in node.nr_free[zone.index]]
            lists = {"captured": _counts_of(self._machine.buddyinfo, zone.name, len(loaded))}
            if self._machine.buddyinfo_after is not None:
                after = _counts_of(self._machine.buddyinfo_after, zone.name, len(loaded))
                lists["captured_after"] = after
            self._zones.append(
                {
                    "zone": zone.name,
                    "free_pages": {"captured": sum(fact.free for fact in facts), "loaded": zone.nr_free},
                    "managed_pages": {
                        "captured": sum(fact.managed for fact in facts),
                        "loaded": zone.managed,
                    },
                    "buddyinfo": lists | {"loaded": loaded},
                }
            )

    def describe(self, guest: Guest) -> dict[str, object]:
        """Returns the report, JSON-ready."""
        machine = self._machine
        kinds = total_kinds(guest.node)
        return {
            "kernel_release": machine.kernel_release,
            "policy": guest.identity.policy,
            "page_size": machine.page_size,
            "pages": {
                kind.api_name: int(kinds[kind])
                for kind in PageKind
                if kind is not PageKind.NONE and kinds[kind]
            },
            "zones": self._zones,
            "devices": self._devices,
            "assumed": {
                "per_cpu": self.per_cpu,
                "memmap_pageblocks": self.nr_memmaps,
                "unmanaged_pages": self.nr_unmanaged,
                "pinned_pages": self.nr_pinned,
                "pageblock_types_unplaced": self.nr_types_unplaced,
            },
            "notes": self._notes(),
        }

    def _notes(self) -> list[str]:
        """Returns sentences about what cannot be told from this capture."""
        machine = self._machine
        notes = [_ABOUT_PINS]
        if self.nr_unmanaged:
            notes.append(
                f"{self.nr_unmanaged} pages are present, but the kernel has not given them to its allocator yet: "
                "they count as reserved."
            )
        if self.nr_balloon:
            notes.append(
                f"{self.nr_balloon} pages are offline, but not as a whole sub-block of a device: "
                "they count as a balloon's, which can move."
            )
        if any(row["assumed_pages"] != row["counted_pages"] for row in self.per_cpu):
            notes.append(
                "Pages on per-cpu lists show no flag: those taken for them differ in number from zoneinfo's."
            )
        if self.nr_strangers:
            notes.append(
                f"{self.nr_strangers} memory blocks of a device came or went while the machine was read: "
                "they are left out."
            )
        if self.has_strange_watermarks:
            notes.append(
                "The watermarks do not follow from min_free_kbytes, as when they are boosted: they were computed anew."
            )
        if machine.pagetypeinfo is None:
            notes.append("Without pagetypeinfo every pageblock counts as MOVABLE.")
        if len({zone.node for zone in machine.zones}) > 1:
            notes.append("Zones of one name on several NUMA nodes became one zone.")
        if not self._devices:
            notes.append("No memory of a virtio-mem device was found or named.")
        elif not self.has_virtio_memory:
            notes.append(
                "iomem shows no virtio-mem device: its memory was chosen by the caller or by default."
            )
        return notes


def _counts_of(buddyinfo: _FreeLists, zone: str, nr_orders: int) -> list[int]:
    """Returns the free entries of every order below nr_orders, of all zones of one name."""
    rows = [counts for key, counts in buddyinfo.items() if key.name == zone]
    return [sum(row[order] for row in rows if order < len(row)) for order in range(nr_orders)]
