"""Options of an import: the defaults follow the capture, and what is said reaches the operation."""

import pytest
from pydantic import ValidationError

from app.api.schemas.captures import ImportOptions
from app.operations.importing import CaptureOptions


def test_options_left_out_follow_the_capture() -> None:
    """No option is the operation's own default."""
    assert ImportOptions().to_options() == CaptureOptions(name="")


def test_options_of_a_query_are_text_that_is_read() -> None:
    """A query has only text; sizes may have a unit."""
    query = {
        "name": "web",
        "fallback": "memory_block,pageblock",
        "seed": "3",
        "block_size": "4MiB",
        "pinned_fraction": "0.25",
        "per_cpu": "none",
    }
    options = ImportOptions.model_validate(query).to_options()
    assert (options.name, options.fallback, options.seed) == ("web", ("memory_block", "pageblock"), 3)
    assert (options.block_size, options.pinned_fraction, str(options.per_cpu)) == (2**22, 0.25, "none")


@pytest.mark.parametrize("query", [{"fallback": "a,b"}, {"fallback": "chunk,"}, {"seed": "x"}, {"more": "1"}])
def test_options_of_another_shape_are_refused(query: dict[str, str]) -> None:
    """Levels that do not exist, numbers that are none, options that are not there."""
    with pytest.raises(ValidationError):
        ImportOptions.model_validate(query)
