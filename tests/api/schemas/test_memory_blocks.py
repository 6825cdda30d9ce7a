"""Memory blocks in requests: sysfs' words, and nothing else."""

import pytest
from pydantic import ValidationError

from app.api.schemas import memory_blocks as schemas
from app.guest.block_states import STATES


def test_states_are_those_that_a_guest_takes() -> None:
    """No word is promised that is not kept, and none is left out."""
    for state in STATES:
        assert schemas.MemoryBlockIn.model_validate({"state": state}).state == state


@pytest.mark.parametrize(
    "body", [{}, {"state": "absent"}, {"state": None}, {"state": "online", "zone": "Movable"}]
)
def test_other_words_are_refused(body: dict[str, object]) -> None:
    """Nor is a block made absent by hand."""
    with pytest.raises(ValidationError):
        schemas.MemoryBlockIn.model_validate(body)
