"""The device against its naive twin: random requests and targets, answered as a set of blocks would."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.units import MIB
from app.virtio_mem.device import Device
from app.virtio_mem.invariants import verify_device
from app.virtio_mem.protocol import Request, RequestType
from app.virtio_mem.region import DeviceRegion
from tests.model.twin_device import NaiveDevice
from tests.virtio_mem.interfering import BusyHost

BLOCK = 2 * MIB


class DeviceAgainstTwin(RuleBasedStateMachine):
    """Random requests and targets: the device answers as a set of blocks would."""

    REGION = DeviceRegion(8 * MIB, 32 * MIB, 2 * MIB, extent=5 * MIB)
    KINDS = (RequestType.PLUG, RequestType.UNPLUG, RequestType.UNPLUG_ALL, RequestType.STATE)

    def __init__(self) -> None:
        """Starts both with nothing plugged."""
        super().__init__()
        self.device = Device("vm0", self.REGION)
        self.twin = NaiveDevice(self.REGION)

    @rule(blocks=st.integers(0, 16))
    def set_requested_size(self, blocks: int) -> None:
        """Sets the target."""
        self.device.set_requested_size(blocks * BLOCK)
        self.twin.set_requested_size(blocks * BLOCK)

    @rule(
        kind=st.sampled_from(KINDS),
        half_block=st.integers(-2, 36),
        nb_blocks=st.integers(0, 8) | st.just(100),
    )
    def send(self, kind: RequestType, half_block: int, nb_blocks: int) -> None:
        """Sends any request, at any half block."""
        request = Request(kind, self.REGION.addr + half_block * MIB, nb_blocks)
        assert self.device.handle(request) == self.twin.handle(request)

    @rule(first=st.integers(0, 15), nb_blocks=st.integers(1, 8), is_plug=st.booleans())
    def send_sound(self, first: int, nb_blocks: int, *, is_plug: bool) -> None:
        """Sends an aligned PLUG or UNPLUG, which the device often accepts."""
        kind = RequestType.PLUG if is_plug else RequestType.UNPLUG
        request = Request(kind, self.REGION.addr + first * BLOCK, nb_blocks)
        assert self.device.handle(request) == self.twin.handle(request)

    @rule(count=st.integers(0, 2))
    def inject_busy(self, count: int) -> None:
        """Makes the next requests busy."""
        self.twin.busy_next = count
        self.device.interference = BusyHost(count)

    @invariant()
    def agrees(self) -> None:
        """Blocks, sizes and the laws of INV-17 hold on both sides."""
        plugged = {block for first, end in self.device.plugged_runs() for block in range(first, end)}
        assert plugged == self.twin.plugged
        assert self.device.plugged_size == self.twin.plugged_size
        assert self.device.usable_region_size == self.twin.usable_size
        assert verify_device(self.device) == []


TestDeviceAgainstTwin = DeviceAgainstTwin.TestCase
