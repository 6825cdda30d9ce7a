"""The Accept header: the caller's best type that there is, the first among equals, and 406 where none will do."""

import pytest
from fastapi import HTTPException

from app.api.accept import choose_media_type

OFFERED = ("application/json", "text/plain", "text/csv", "image/png")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("image/*", "image/png"),
        ("text/*", "text/plain"),
        ("text/*;q=0.5, image/png;q=0.4", "text/plain"),
        ("text/csv;q=0.2, */*;q=0.1", "text/csv"),
        ("TEXT/CSV ; Q=1", "text/csv"),
        ("text/*, text/plain;q=0", "text/csv"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
        ("application/json;q=nonsense, text/csv;q=0.1", "text/csv"),
    ],
)
def test_choose_best_of_what_is_offered(accept: str, chosen: str) -> None:
    """Qualities decide, the more particular range first; names and q are no matter of case."""
    assert choose_media_type(accept, OFFERED) == chosen


@pytest.mark.parametrize("accept", ["text/html", "video/*", "*/*;q=0", "image/png;q=2", ",;,"])
def test_choose_where_nothing_will_do_is_406(accept: str) -> None:
    """The problem says what is offered."""
    with pytest.raises(HTTPException, match="offered: application/json") as refused:
        choose_media_type(accept, OFFERED)
    assert refused.value.status_code == 406
