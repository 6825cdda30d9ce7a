"""The body of a forecast: what is left out is the guest's own."""

import pytest
from pydantic import ValidationError

from app.api.schemas.forecast import ForecastIn
from app.operations.explaining import MOST_RETRIES, Wish
from app.units import GIB


def test_forecast_in_says_what_is_wished() -> None:
    """Sizes may be text; limits are told unless they are not wanted."""
    assert ForecastIn.model_validate({"requested_size": "2GiB"}).to_wish() == Wish(requested_size=2 * GIB)
    body = {
        "requested_size": 0,
        "policy": "linux-5.15",
        "fallback": ["pageblock"],
        "retries": 2,
        "limits": False,
    }
    assert ForecastIn.model_validate(body).to_wish() == Wish(
        requested_size=0, policy="linux-5.15", fallback=["pageblock"], retries=2, has_limits=False
    )


@pytest.mark.parametrize(
    "body",
    [{}, {"requested_size": 0, "retries": MOST_RETRIES + 1}, {"requested_size": 0, "fallback": ["x"] * 9}],
)
def test_forecast_in_refuses(body: dict[str, object]) -> None:
    """A target is needed; lists and numbers end somewhere."""
    with pytest.raises(ValidationError):
        ForecastIn.model_validate(body)
