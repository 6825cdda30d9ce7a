"""Where a scenario is played: a node that a picture shows, or a whole guest with one device.

Kept here: how a start becomes something that can be acted on; pages are named as the file names them, on a guest
from the device's first page on.
Left out: the acts (app.scenario.acting).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from app.errors import InvalidValue, StateError
from app.guest.allocations import AllocationSpec
from app.guest.boot import boot_node
from app.guest.guest import Guest
from app.guest.identity import GuestIdentity
from app.guest.spec import plan_guest
from app.mm.hotplug_rules import OnlinePolicy
from app.mm.node import Node
from app.mm.page import PageKind
from app.mm.policies.policy import KernelPolicy
from app.mm.zone import ZONE_NAMES, Zone, ZoneId
from app.scenario.picture import build
from app.scenario.picture_driver import PictureDriver
from app.scenario.reading.start import guest_spec
from app.scenario.script import GuestStart, PictureStart
from app.scenario.scripted_device import ScriptedDevice
from app.trace.events import Event
from app.trace.sink import RingSink
from app.virtio_mem.driver.driver import Driver

DEVICE_ID = "vm0"
_EVENT_CAPACITY = 4096


class Stage:
    """A node, the page that the file calls 0, and owners for what is allocated."""

    def __init__(self, node: Node, *, zone: Zone, first_pfn: int = 0) -> None:
        """Looks at a node; counters that a scenario speaks of are those of `zone`."""
        self.node = node
        self.zone = zone
        self.first_pfn = first_pfn
        # Pageblocks that an act has isolated and none has given back: first page -> the byte of its type before.
        self.held: dict[int, bytes] = {}
        # Whose pages operations under way have taken, or will; one owner may stand here more than once.
        self.owners_under_way: list[int] = []
        # A picture's runs belong to pfn + 1.
        self._last_owner = node.nr_pages

    @property
    def nr_drawn(self) -> int:
        """How many letters a look at it takes."""
        return self.node.nr_pages

    def new_owner(self) -> int:
        """Returns an owner that nothing had before."""
        self._last_owner += 1
        return self._last_owner

    @contextmanager
    def working_for(self, owner: int) -> Iterator[None]:
        """Says, while it lasts, that an operation takes pages for `owner`."""
        self.owners_under_way.append(owner)
        try:
            yield
        finally:
            self.owners_under_way.remove(owner)

    def type_bytes(self, start_pfn: int, end_pfn: int) -> dict[int, bytes]:
        """Returns the byte of each pageblock's type in [start_pfn, end_pfn), by first page; holes are left out."""
        size = self.node.geometry.pageblock_nr_pages
        types = self.node.arrays.block_type.tobytes()
        return {
            pfn: types[pfn // size : pfn // size + 1]
            for pfn in range(start_pfn, end_pfn, size)
            if self.node.zone_at(pfn) is not None
        }

    def is_locked(self, lock: str) -> bool:
        """Whether an operation holds the lock."""
        return lock in self.node.locks


class PictureStage(Stage):
    """A picture's node, with a driver for the pages that are unplugged in it."""

    def __init__(self, node: Node, zone: int) -> None:
        """Takes the node; zone: of the first NUMA node."""
        super().__init__(node, zone=node.zones[zone])
        self.driver = PictureDriver(node)


class GuestStage(Stage):
    """A guest that has run its driver once; `sink` has what happened since it was last looked at."""

    def __init__(self, guest: Guest, device: ScriptedDevice, driver: Driver, sink: RingSink) -> None:
        """Takes a guest, its only device and that one's driver."""
        self.guest = guest
        self.device = device
        self.driver = driver
        self._sink = sink
        self._seen = 0
        node = guest.node
        is_movable = node.hotplug_rules.online is OnlinePolicy.ONLINE_MOVABLE
        first_pfn = device.region.addr // node.geometry.page_size
        zone = node.zones[ZoneId.MOVABLE if is_movable else ZoneId.NORMAL]
        super().__init__(node, zone=zone, first_pfn=first_pfn)

    @property
    def nr_drawn(self) -> int:
        """How many letters a look at it takes: its device's pageblocks."""
        return self.device.region.region_size // self.node.geometry.pageblock_size

    def take_events(self) -> list[Event]:
        """Returns the events since the last call; of very many only the newest."""
        fresh = self._sink.emitted - self._seen
        self._seen = self._sink.emitted
        return list(self._sink.events)[-fresh:] if fresh else []

    def new_owner(self) -> int:
        """Returns an owner that no allocation of the guest has."""
        return self.guest.pages.allocations.new_id()


def make_stage(
    start: PictureStart | GuestStart, policy: KernelPolicy, *, fallback: Sequence[str] | None = None
) -> Stage:
    """Makes the start; fallback: levels of a guest's driver, None for the policy's own.

    Raises InvalidValue when a guest or a picture cannot be like that under this policy.
    """
    if isinstance(start, GuestStart):
        return _make_guest_stage(start, policy, fallback)
    return PictureStage(build(start, policy), ZONE_NAMES.index(start.zone))


def _make_guest_stage(start: GuestStart, policy: KernelPolicy, fallback: Sequence[str] | None) -> GuestStage:
    """Makes the guest, plugs what is requested, and takes the pages that fill it."""
    levels = None if fallback is None else tuple(fallback)
    spec = replace(guest_spec(start, policy.name), fallback=levels)
    plan = plan_guest(spec)
    sink = RingSink(_EVENT_CAPACITY)
    identity = GuestIdentity(
        name=spec.name,
        preset=spec.preset,
        policy=spec.policy,
        fallback=tuple(str(level) for level in plan.levels),
        online=spec.online,
        seed=spec.seed,
        boot_size=spec.boot_size,
    )
    guest = Guest(identity, boot_node(plan, sink), sink=sink)
    device = ScriptedDevice(DEVICE_ID, plan.devices[0].region, sink=sink)
    driver = guest.attach(device, fallback=plan.levels)
    if start.requested_size:
        guest.resize(DEVICE_ID, start.requested_size)
    stage = GuestStage(guest, device, driver, sink)
    for kind, pfn in start.fill:
        _fill(stage, kind, pfn)
    stage.take_events()
    return stage


def _fill(stage: GuestStage, kind: PageKind, pfn: int) -> None:
    try:
        stage.guest.pages.allocate(AllocationSpec(kind=kind.api_name, at_pfns=(stage.first_pfn + pfn,)))
    except StateError as error:
        raise InvalidValue("start.fill", pfn, f"a page that is free at the start ({error.detail})") from error
