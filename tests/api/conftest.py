"""An application for each test of the API."""

from collections.abc import Iterator

import pytest

from tests.api.caller import Caller


@pytest.fixture
def caller() -> Iterator[Caller]:
    """A caller of an application of its own, with default settings."""
    with Caller.serving() as caller:
        yield caller
