"""A driver's port to a device that passes on what it does not look at; config and requests are its heirs'."""

from app.virtio_mem.device import Device
from app.virtio_mem.protocol import Feature


class PassingPort:
    """What of a device a driver reads without asking; nothing can be set on it."""

    __slots__ = ("_device",)

    def __init__(self, device: Device) -> None:
        """Connects to a device."""
        self._device = device

    @property
    def id(self) -> str:
        """The device's name."""
        return self._device.id

    @property
    def features(self) -> Feature:
        """What the device offers."""
        return self._device.features

    @property
    def negotiated(self) -> Feature | None:
        """What was accepted."""
        return self._device.negotiated

    def negotiate(self, accepted: Feature) -> bool:
        """Carries the features over."""
        return self._device.negotiate(accepted)

    @property
    def generation(self) -> int:
        """Notifications so far."""
        return self._device.generation
