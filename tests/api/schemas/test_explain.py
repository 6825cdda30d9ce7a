"""The query of an explanation: sizes as text, windows only when pages are wanted."""

import pytest
from pydantic import ValidationError

from app.api.schemas.explain import MOST_ROWS, ExplainQuery
from app.operations.explaining import PageWindow
from app.units import GIB


def test_query_without_pages_has_no_window() -> None:
    """The default target is the device's; pages are told on demand."""
    query = ExplainQuery()
    assert (query.target, query.to_window()) == (None, None)
    assert ExplainQuery.model_validate({"target": "2GiB"}).target == 2 * GIB
    query = ExplainQuery.model_validate({"pages": "true", "limit": "7", "cursor": "3"})
    assert query.to_window() == PageWindow(cursor=3, limit=7)


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": str(MOST_ROWS + 1)}, {"cursor": "-1"}, {"target": "x"}]
)
def test_query_out_of_range_is_refused(query: dict[str, str]) -> None:
    """Each value has its range."""
    with pytest.raises(ValidationError):
        ExplainQuery.model_validate(query)
