"""Views' answers: states and places are documented exactly."""

import pytest
from pydantic import ValidationError

from app.api.schemas.views import MemoryBlock


@pytest.mark.parametrize("state", ["online", "offline"])
def test_memory_block_is_online_or_offline(state: str) -> None:
    """Absent memory blocks are left out, so there is no third state."""
    block = {"id": 1, "start_pfn": 32768, "state": state, "zone": None, "node": 0, "device": None}
    assert MemoryBlock.model_validate(block).state == state
    with pytest.raises(ValidationError):
        MemoryBlock.model_validate({**block, "state": "absent"})
