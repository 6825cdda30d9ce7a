"""The limit of bodies: announced or not, one too many bytes are refused, and what fits is not."""

from collections.abc import Iterator

import pytest

from app.api.body_limit import LINGER_BYTES
from app.settings import Settings
from tests.api.caller import Caller, in_pieces

LIMIT = 4096
JSON_HEADERS = {"Content-Type": "application/json"}


@pytest.fixture
def narrow() -> Iterator[Caller]:
    """A caller whose bodies may have 4 KiB."""
    with Caller.serving(Settings(max_body_bytes=LIMIT, max_capture_bytes=LIMIT * 4)) as caller:
        yield caller


def _padded(size: int) -> bytes:
    return b'{"boot_size": -1}'.ljust(size)


@pytest.mark.parametrize("is_announced", [True, False])
@pytest.mark.parametrize(("size", "status"), [(LIMIT, 422), (LIMIT + 1, 413), (LIMIT * 100, 413)])
def test_body_beyond_the_limit_is_413(narrow: Caller, size: int, status: int, *, is_announced: bool) -> None:
    """The limit is exact, whether Content-Length says the size or nobody does."""
    body = _padded(size)
    content = body if is_announced else in_pieces(body, 1000)
    answer = narrow.call("POST", "/v1/guests", content=content, headers=JSON_HEADERS)
    assert answer.status_code == status
    if status == 413:
        assert answer.json()["limit"] == LIMIT
        assert answer.json()["type"] == "/problems/body-too-large"


def test_body_of_a_capture_has_its_own_limit(narrow: Caller) -> None:
    """A capture may be larger than a JSON body, up to its own limit."""
    within = narrow.call("POST", "/v1/guests/import", content=b"x" * LIMIT * 2)
    beyond = narrow.call("POST", "/v1/guests/import", content=in_pieces(b"x" * (LIMIT * 4 + 1), 1000))
    assert (within.status_code, beyond.status_code) == (422, 413)


@pytest.mark.parametrize("length", ["-1", "many", "1" * 100])
def test_body_with_a_senseless_length_is_counted(narrow: Caller, length: str) -> None:
    """A Content-Length that cannot be does not get around the count."""
    headers = {**JSON_HEADERS, "Content-Length": length}
    answer = narrow.call("POST", "/v1/guests", content=in_pieces(_padded(LIMIT * 2), 1000), headers=headers)
    assert answer.status_code == 413


def test_body_without_end_is_not_read_for_ever(narrow: Caller) -> None:
    """Of a refused body only so much is read."""
    sent = 0

    async def endless() -> object:
        nonlocal sent
        while True:
            sent += 2**20
            yield b"x" * 2**20

    answer = narrow.call("POST", "/v1/guests", content=endless(), headers=JSON_HEADERS)
    assert answer.status_code == 413
    assert sent <= LINGER_BYTES + 3 * 2**20
