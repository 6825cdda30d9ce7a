"""Requests, responses and config as bytes: lengths, byte order, padding, and what a reader refuses."""

import pytest

from app.virtio_mem.protocol import (
    CONFIG_LENGTH,
    REQUEST_LENGTH,
    RESPONSE_LENGTH,
    BlocksState,
    DeviceConfig,
    Feature,
    Request,
    RequestType,
    Response,
    ResponseType,
    decode_config,
    decode_request,
    decode_response,
    encode_config,
    encode_request,
    encode_response,
)

PLUG = Request(RequestType.PLUG, 0x1_0000_0000, 64)
PLUG_BYTES = bytes.fromhex("0000 000000000000 0000000001000000 4000 000000000000")


def test_encode_plug_gives_the_bytes_of_the_specification() -> None:
    """Type, padding, little-endian address, number of blocks, padding: 24 bytes."""
    assert encode_request(PLUG) == PLUG_BYTES
    assert len(PLUG_BYTES) == REQUEST_LENGTH


@pytest.mark.parametrize("kind", list(RequestType))
def test_decode_request_returns_what_was_encoded(kind: RequestType) -> None:
    """Each request survives the way there and back, at the edge of its fields."""
    request = Request(kind, 0xFFFF_FFFF_FFFF_FFFF, 0xFFFF)
    assert decode_request(encode_request(request)) == request


@pytest.mark.parametrize("kind", list(ResponseType))
@pytest.mark.parametrize("state", list(BlocksState))
def test_decode_response_returns_what_was_encoded(kind: ResponseType, state: BlocksState) -> None:
    """Each response survives the way there and back in 10 bytes."""
    data = encode_response(Response(kind, state))
    assert len(data) == RESPONSE_LENGTH
    assert decode_response(data) == Response(kind, state)


def test_decode_request_ignores_padding_and_what_follows() -> None:
    """V-37, V-42: only type and payload are read."""
    dirty = PLUG_BYTES[:2] + b"\xff" * 6 + PLUG_BYTES[8:18] + b"\xff" * 6 + b"more"
    assert decode_request(dirty) == PLUG


def test_decode_response_ignores_padding_and_a_meaningless_state() -> None:
    """V-37, V-51: the state of a BUSY is padding, even if it is no state at all."""
    data = b"\x02\x00" + b"\xff" * 6 + b"\xff\xff"
    response = decode_response(data)
    assert response is not None
    assert response.type is ResponseType.BUSY


@pytest.mark.parametrize("data", [b"", PLUG_BYTES[:-1], b"\x04\x00" + PLUG_BYTES[2:]])
def test_decode_request_too_short_or_unknown_gives_nothing(data: bytes) -> None:
    """V-Q9: such a request breaks the device, which is the caller's to do."""
    assert decode_request(data) is None


@pytest.mark.parametrize("data", [b"", b"\x00" * 9, b"\x04\x00" + b"\x00" * 8])
def test_decode_response_too_short_or_unknown_gives_nothing(data: bytes) -> None:
    """A reader of responses trusts nothing either."""
    assert decode_response(data) is None


def test_decode_config_returns_what_was_encoded() -> None:
    """Seven fields in 56 bytes; too few bytes give nothing."""
    config = DeviceConfig(2 << 20, 1, 4 << 30, 8 << 30, 1 << 30, 512 << 20, 768 << 20)
    data = encode_config(config)
    assert len(data) == CONFIG_LENGTH
    assert data[8:16] == b"\x01" + b"\x00" * 7
    assert decode_config(data) == config
    assert decode_config(data[:-1]) is None


def test_feature_bits_have_the_values_of_the_specification() -> None:
    """Bits 0, 1 and 2."""
    assert [feature.bit_length() - 1 for feature in Feature] == [0, 1, 2]
