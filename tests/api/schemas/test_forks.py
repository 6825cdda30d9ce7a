"""The bodies of copies: names may be left out, other fields do not exist."""

import pytest
from pydantic import BaseModel, ValidationError

from app.api.schemas.forks import ForkIn, RestoreIn, SnapshotIn


def test_names_may_be_left_out() -> None:
    """The service finds one."""
    assert (ForkIn().name, ForkIn().policy, ForkIn().fallback, SnapshotIn().name) == (None, None, None, None)


@pytest.mark.parametrize(
    ("model", "body"),
    [(ForkIn, {"name": "x" * 64}), (SnapshotIn, {"id": "a"}), (RestoreIn, {}), (RestoreIn, {"snapshot": 1})],
)
def test_bodies_that_are_refused(model: type[BaseModel], body: dict[str, object]) -> None:
    """Names that are too long, no strings, or missing."""
    with pytest.raises(ValidationError):
        model.model_validate(body)
