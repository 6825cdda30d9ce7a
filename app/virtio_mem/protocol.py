"""What device and driver say to each other: requests, responses, the config space, and their bytes.

Mirrors the virtio specification 1.3, device type 24 (semantics section 7.1), and nothing of either side.
Kept here: V-37, V-42, V-47 and V-51 (padding is never read), the lengths of V-Q9.
Left out: the virtqueue itself; a call carries one request and returns its response.
"""

import struct
from enum import IntEnum, IntFlag
from typing import NamedTuple, Protocol

DEVICE_TYPE = 24
QUEUE_LENGTH = 128
REQUEST_LENGTH = 24
RESPONSE_LENGTH = 10
CONFIG_LENGTH = 56
# nb_blocks is a le16.
MAX_NB_BLOCKS = 0xFFFF

_REQUEST = struct.Struct("<H6xQH6x")
_RESPONSE = struct.Struct("<H6xH")
_CONFIG = struct.Struct("<QH6x5Q")


class RequestType(IntEnum):
    """What the driver asks for."""

    PLUG = 0
    UNPLUG = 1
    UNPLUG_ALL = 2
    STATE = 3


class ResponseType(IntEnum):
    """What the device answers."""

    ACK = 0
    # Refused now: the requested size is reached.
    NACK = 1
    # Cannot now: try again.
    BUSY = 2
    # Malformed, or blocks in the wrong state.
    ERROR = 3


class BlocksState(IntEnum):
    """What STATE tells of the blocks asked about."""

    PLUGGED = 0
    UNPLUGGED = 1
    MIXED = 2


class Feature(IntFlag):
    """Feature bits, by value."""

    # node_id is valid.
    ACPI_PXM = 1
    # The driver never reads unplugged memory.
    UNPLUGGED_INACCESSIBLE = 2
    # Plugged memory survives the guest's deep sleep.
    PERSISTENT_SUSPEND = 4


# What QEMU offers on a machine with NUMA nodes that keeps its memory while the guest sleeps (V-18), and a driver knows.
ALL_FEATURES = Feature.ACPI_PXM | Feature.UNPLUGGED_INACCESSIBLE | Feature.PERSISTENT_SUSPEND


class Request(NamedTuple):
    """One guest request; UNPLUG_ALL has no payload, so addr and nb_blocks mean nothing there (V-47)."""

    type: RequestType
    addr: int = 0
    nb_blocks: int = 0


class Response(NamedTuple):
    """One answer; `state` means something only in an ACK to STATE (V-51)."""

    type: ResponseType
    state: BlocksState = BlocksState.PLUGGED


class DeviceConfig(NamedTuple):
    """The config space, read-only for the driver (V-1); sizes in bytes."""

    block_size: int
    # Valid only with ACPI_PXM (V-2).
    node_id: int
    addr: int
    region_size: int
    # Prefix of the region in which blocks may be plugged now.
    usable_region_size: int
    plugged_size: int
    # The host's target.
    requested_size: int


class DevicePort(Protocol):
    """All that a driver sees of its device."""

    @property
    def id(self) -> str:
        """The device's name in events."""

    @property
    def features(self) -> Feature:
        """What the device offers."""

    @property
    def negotiated(self) -> Feature | None:
        """What a driver has accepted; None since the last reset."""

    def negotiate(self, accepted: Feature) -> bool:
        """Tells the device what the driver accepts; False: the driver must not go on."""

    @property
    def generation(self) -> int:
        """How many config notifications were sent: the driver compares it with the last one it handled."""

    @property
    def config(self) -> DeviceConfig:
        """The config space as it is now."""

    def handle(self, request: Request) -> Response:
        """Carries one request to the device and brings its answer back."""


def encode_request(request: Request) -> bytes:
    """Returns the 24 bytes of a request, padding zero."""
    return _REQUEST.pack(request.type, request.addr, request.nb_blocks)


def decode_request(data: bytes) -> Request | None:
    """Returns the request in `data`, or None when it is too short or of no known type (V-Q9)."""
    if len(data) < REQUEST_LENGTH:
        return None
    kind, addr, nb_blocks = _REQUEST.unpack_from(data)
    if kind not in _REQUEST_TYPES:
        return None
    return Request(RequestType(kind), addr, nb_blocks)


def encode_response(response: Response) -> bytes:
    """Returns the 10 bytes of a response, padding zero."""
    return _RESPONSE.pack(response.type, response.state)


def decode_response(data: bytes) -> Response | None:
    """Returns the response in `data`, or None when it is too short or of no known type."""
    if len(data) < RESPONSE_LENGTH:
        return None
    kind, state = _RESPONSE.unpack_from(data)
    if kind not in _RESPONSE_TYPES:
        return None
    # Only an ACK to STATE carries a state; elsewhere the field is padding to the reader (V-51).
    known_state = BlocksState(state) if state in _BLOCKS_STATES else BlocksState.PLUGGED
    return Response(ResponseType(kind), known_state)


def encode_config(config: DeviceConfig) -> bytes:
    """Returns the 56 bytes of the config space, padding zero."""
    return _CONFIG.pack(*config)


def decode_config(data: bytes) -> DeviceConfig | None:
    """Returns the config space in `data`, or None when it is too short."""
    if len(data) < CONFIG_LENGTH:
        return None
    return DeviceConfig(*_CONFIG.unpack_from(data))


_REQUEST_TYPES = frozenset(RequestType)
_RESPONSE_TYPES = frozenset(ResponseType)
_BLOCKS_STATES = frozenset(BlocksState)
