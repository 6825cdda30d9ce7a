"""A queue that carries bytes, with dirt in all padding: what a reader must ignore differs with every message.

Kept here: V-2, V-37, V-42, V-47 and V-51 hold only if nobody on either side reads the dirt.
"""

from collections.abc import Iterable

from app.virtio_mem.device import Device
from app.virtio_mem.protocol import (
    DeviceConfig,
    Request,
    RequestType,
    Response,
    ResponseType,
    decode_config,
    decode_response,
    encode_config,
    encode_request,
    encode_response,
)
from tests.virtio_mem.passing import PassingPort

_TYPE_PADDING = range(2, 8)
_PAYLOAD = range(8, 24)
_PAYLOAD_PADDING = range(18, 24)
_NODE_PADDING = range(10, 16)
_RESPONSE_STATE = range(8, 10)


class WirePort(PassingPort):
    """All that a driver sees of a device, by way of bytes; nothing can be set on it."""

    __slots__ = ("_is_under_way", "requests")

    def __init__(self, device: Device) -> None:
        """Connects to a device."""
        super().__init__(device)
        self.requests: list[Request] = []
        self._is_under_way = False

    @property
    def config(self) -> DeviceConfig:
        """The config space, its padding dirty."""
        config = decode_config(dirty(encode_config(self._device.config), _NODE_PADDING))
        assert config is not None
        return config

    def handle(self, request: Request) -> Response:
        """Carries one request over and its answer back, both dirty; one at a time."""
        assert not self._is_under_way, "V-Q9: the queue holds more than one request"
        self._is_under_way = True
        self.requests.append(request)
        answer = self._device.receive(dirty_request(request))
        assert answer is not None, "V-Q9: the device broke"
        response = decode_response(dirty_answer(answer, request))
        assert response is not None
        self._is_under_way = False
        return response


def dirty(data: bytes, places: Iterable[int]) -> bytes:
    """Returns the bytes with 0xA5 at `places`."""
    changed = bytearray(data)
    for place in places:
        changed[place] = 0xA5
    return bytes(changed)


def dirty_request(request: Request) -> bytes:
    """Returns a request's bytes with dirt wherever nothing is meant."""
    is_bare = request.type is RequestType.UNPLUG_ALL
    meaningless = (*_TYPE_PADDING, *(_PAYLOAD if is_bare else _PAYLOAD_PADDING))
    return dirty(encode_request(request), meaningless)


def dirty_answer(answer: bytes, request: Request) -> bytes:
    """Returns an answer's bytes with dirt wherever nothing is meant: a state counts in an ACK to STATE only."""
    is_ack = answer[:2] == encode_response(Response(ResponseType.ACK))[:2]
    has_state = is_ack and request.type is RequestType.STATE
    return dirty(answer, (*_TYPE_PADDING, *(() if has_state else _RESPONSE_STATE)))
