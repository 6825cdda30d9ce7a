"""The queue: what each response means to the driver, and that nothing is sent on a stale config."""

import pytest

from app.errors import StateError
from app.mm.outcome import Errno
from app.trace.sink import ListSink
from app.units import GIB, MIB
from app.virtio_mem.device import Device
from app.virtio_mem.driver.requests import RequestQueue
from app.virtio_mem.protocol import ALL_FEATURES, DeviceConfig, Feature, Request, Response, ResponseType
from app.virtio_mem.region import DeviceRegion


class AnsweringDevice:
    """A device that gives one answer to everything."""

    def __init__(self, answer: ResponseType) -> None:
        """Remembers the answer."""
        self.id = "vm0"
        self.features = self.negotiated = ALL_FEATURES
        self.generation = 0
        self.config = DeviceConfig(2 * MIB, 0, 4 * GIB, 4 * GIB, 1 * GIB, 0, 512 * MIB)
        self.requests: list[Request] = []
        self._answer = answer

    def negotiate(self, accepted: Feature) -> bool:
        """Agrees to anything."""
        self.negotiated = accepted
        return True

    def handle(self, request: Request) -> Response:
        """Answers."""
        self.requests.append(request)
        return Response(self._answer)


@pytest.mark.parametrize(
    ("answer", "plug", "unplug", "unplug_all"),
    [
        (ResponseType.ACK, Errno.OK, Errno.OK, Errno.OK),
        (ResponseType.NACK, Errno.EAGAIN, Errno.ENOMEM, Errno.ENOMEM),
        (ResponseType.BUSY, Errno.ETXTBSY, Errno.ETXTBSY, Errno.ETXTBSY),
        (ResponseType.ERROR, Errno.EINVAL, Errno.EINVAL, Errno.ENOMEM),
    ],
)
def test_responses_map_to_error_codes(
    answer: ResponseType, plug: Errno, unplug: Errno, unplug_all: Errno
) -> None:
    """8.2, row by row."""
    queue = RequestQueue(AnsweringDevice(answer))
    assert queue.plug(4 * GIB, 4 * MIB) is plug
    assert queue.unplug(4 * GIB, 4 * MIB) is unplug
    assert queue.unplug_all() is unplug_all
    assert queue.nr_requests == 3


def test_new_queue_negotiates_and_a_later_one_takes_over() -> None:
    """V-14: what is offered and known is accepted; where a driver's state goes on, features do as well."""
    device = Device("vm0", DeviceRegion(4 * GIB, 4 * GIB))
    assert RequestQueue(device, Feature.UNPLUGGED_INACCESSIBLE).features is Feature.UNPLUGGED_INACCESSIBLE
    assert RequestQueue(device).features is Feature.UNPLUGGED_INACCESSIBLE
    device.reset()
    assert RequestQueue(device).features == ALL_FEATURES


def test_refused_queue_names_the_missing_feature() -> None:
    """V-Q8: the probe of a driver that does not accept UNPLUGGED_INACCESSIBLE fails."""
    device = Device("vm0", DeviceRegion(4 * GIB, 4 * GIB))
    with pytest.raises(
        StateError, match="vm0 needs UNPLUGGED_INACCESSIBLE, which the driver does not accept"
    ):
        RequestQueue(device, Feature.ACPI_PXM | Feature.PERSISTENT_SUSPEND)
    assert device.negotiated is None


def test_only_an_acknowledged_request_moves_the_plugged_size() -> None:
    """INV-18: the driver's own sum follows the device's answers."""
    device = Device("vm0", DeviceRegion(4 * GIB, 4 * GIB), requested_size=8 * MIB)
    queue = RequestQueue(device)
    queue.plug(4 * GIB, 8 * MIB)
    queue.plug(4 * GIB + 8 * MIB, 2 * MIB)
    assert queue.plugged_size == device.plugged_size == 8 * MIB
    queue.unplug(4 * GIB, 2 * MIB)
    assert queue.plugged_size == device.plugged_size == 6 * MIB


def test_stale_config_sends_nothing_but_unplug_all() -> None:
    """D-2, INV-27: EAGAIN without a request, until the config is read again."""
    sink = ListSink()
    device = Device("vm0", DeviceRegion(4 * GIB, 4 * GIB), requested_size=8 * MIB)
    queue = RequestQueue(device)
    device.set_requested_size(16 * MIB)
    sent = queue.nr_requests
    assert queue.is_config_changed
    assert queue.plug(4 * GIB, 2 * MIB) is Errno.EAGAIN
    assert queue.unplug(4 * GIB, 2 * MIB) is Errno.EAGAIN
    assert (queue.nr_requests, sink.events) == (sent, [])
    queue.refresh()
    assert queue.requested_size == 16 * MIB
    assert queue.plug(4 * GIB, 2 * MIB) is Errno.OK


def test_unplug_all_reads_the_config_again() -> None:
    """8.2: the usable region may have shrunk without a notification, and nothing is plugged any more."""
    device = Device("vm0", DeviceRegion(4 * GIB, 4 * GIB), requested_size=1 * GIB)
    device.adopt([(0, 64)], 0)
    queue = RequestQueue(device)
    assert queue.usable_end == 4 * GIB + 128 * MIB
    device.set_requested_size(0)
    assert queue.unplug_all() is Errno.OK
    assert (queue.plugged_size, queue.usable_end) == (0, 4 * GIB)
    assert not queue.is_config_changed


@pytest.mark.parametrize(
    ("features", "numa_node"), [(ALL_FEATURES, 1), (ALL_FEATURES & ~Feature.ACPI_PXM, 0)]
)
def test_node_of_the_config_counts_with_acpi_pxm_only(features: Feature, numa_node: int) -> None:
    """V-2: a driver that did not negotiate it ignores node_id."""
    device = Device("vm0", DeviceRegion(4 * GIB, GIB, node_id=1), sink=ListSink())
    assert RequestQueue(device, features).numa_node == numa_node
