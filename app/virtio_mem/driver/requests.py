"""The driver's end of the queue: sends requests, turns responses into error codes, notices a changed config.

Mirrors virtio_mem_send_request() and its callers (semantics 8.2, D-2, D-4).
Invariants kept here: INV-27 (nothing but UNPLUG_ALL is sent on a stale config), the driver's part of INV-18.
Left out: what to do about an error code (driver.py).
"""

from app.errors import StateError
from app.mm.outcome import Errno
from app.virtio_mem.protocol import (
    ALL_FEATURES,
    DevicePort,
    Feature,
    Request,
    RequestType,
    ResponseType,
)

# 8.2: the response's meaning depends on the request.
_PLUG_ERRNO = {
    ResponseType.ACK: Errno.OK,
    ResponseType.NACK: Errno.EAGAIN,
    ResponseType.BUSY: Errno.ETXTBSY,
    ResponseType.ERROR: Errno.EINVAL,
}
_UNPLUG_ERRNO = _PLUG_ERRNO | {ResponseType.NACK: Errno.ENOMEM}
_UNPLUG_ALL_ERRNO = _UNPLUG_ERRNO | {ResponseType.ERROR: Errno.ENOMEM}


class RequestQueue:
    """Carries the driver's requests to its device, and holds the config as the driver last read it."""

    def __init__(self, device: DevicePort, features: Feature = ALL_FEATURES) -> None:
        """Negotiates with a device that has no driver, and reads the config once, as probing does.

        features: what the driver knows; it accepts those that are offered (V-14). Raises StateError when the device
        refuses the driver (V-Q8).
        """
        if device.negotiated is None and not device.negotiate(features & device.features):
            raise _refused(device, features)
        self._device = device
        config = device.config
        self.device_id = device.id
        self.block_size = config.block_size
        self.addr = config.addr
        # V-2: without ACPI_PXM the driver cannot know.
        self.numa_node = config.node_id if Feature.ACPI_PXM in self.features else 0
        self.region_end = config.addr + config.region_size
        # What the driver believes to be plugged.
        self.plugged_size = config.plugged_size
        self.requested_size = config.requested_size
        self.usable_end = config.addr + config.usable_region_size
        self._generation = device.generation
        self.nr_requests = 0
        # Ranges (address, size) that were unplugged and whose memory the host has still to discard.
        self.unplugged: list[tuple[int, int]] = []

    @property
    def features(self) -> Feature:
        """What was negotiated; nothing any more once the device was reset."""
        return self._device.negotiated or Feature(0)

    def state(self) -> tuple[int, ...]:
        """Returns the config as the driver last read it, and how many notifications it has handled then."""
        return (self.plugged_size, self.requested_size, self.usable_end, self._generation)

    def take_over(self, state: tuple[int, ...]) -> None:
        """Sees the config as another driver of the same device did, which may have missed a change of it."""
        self.plugged_size, self.requested_size, self.usable_end, self._generation = state

    @property
    def is_config_changed(self) -> bool:
        """Whether the host sent a notification that the driver has not handled."""
        return self._device.generation != self._generation

    def refresh(self) -> None:
        """Reads the config again, which handles every notification so far."""
        self._generation = self._device.generation
        config = self._device.config
        self.requested_size = config.requested_size
        self.usable_end = config.addr + config.usable_region_size
        self.plugged_size = config.plugged_size

    def plug(self, addr: int, size: int) -> Errno:
        """Asks for `size` bytes at `addr`; EAGAIN without asking when the config has changed."""
        if self._device.generation != self._generation:
            return Errno.EAGAIN  # D-2
        self.nr_requests += 1
        response = self._device.handle(Request(RequestType.PLUG, addr, size // self.block_size))
        if response.type is ResponseType.ACK:
            self.plugged_size += size
        return _PLUG_ERRNO[response.type]

    def unplug(self, addr: int, size: int) -> Errno:
        """Gives `size` bytes at `addr` back; EAGAIN without asking when the config has changed."""
        if self._device.generation != self._generation:
            return Errno.EAGAIN  # D-2
        self.nr_requests += 1
        response = self._device.handle(Request(RequestType.UNPLUG, addr, size // self.block_size))
        if response.type is ResponseType.ACK:
            self.plugged_size -= size
            self.unplugged.append((addr, size))
        return _UNPLUG_ERRNO[response.type]

    def unplug_all(self) -> Errno:
        """Gives everything back, whatever the config says; reads the config again after an ACK."""
        self.nr_requests += 1
        response = self._device.handle(Request(RequestType.UNPLUG_ALL))
        if response.type is ResponseType.ACK:
            # The device may have shrunk the usable region without a notification (V-11, V-50).
            self.refresh()
            self.unplugged.append((self.addr, self.region_end - self.addr))
        return _UNPLUG_ALL_ERRNO[response.type]


def _refused(device: DevicePort, features: Feature) -> StateError:
    missing = [feature.name for feature in Feature if feature in device.features & ~features]
    detail = (
        f"{device.id} needs {', '.join(map(str, missing))}, which the driver does not accept: its probe fails"
    )
    return StateError(detail, device=device.id)
