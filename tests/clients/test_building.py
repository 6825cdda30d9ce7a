"""How calls are built: paths, queries, readers. Names in paths are tested with the calls (test_calls.py)."""

import pytest

from clients._building import at, call, model, nothing, png, query_of
from clients._exchange import Reply
from clients.models import Version

ROUTES = {"show": ("GET", "/v1/things/{thing}")}


def test_call_goes_where_its_table_says() -> None:
    """Method and path come from the table, the answer is read as said."""
    built = call(at(ROUTES, "show", thing="a b"), model(Version), query=query_of(deep=True))
    assert (built.method, built.path, built.query) == ("GET", "/v1/things/a%20b", (("deep", "true"),))
    assert built.answer(Reply(200, b'{"name": "x"}')).name == "x"


def test_query_leaves_out_what_is_none() -> None:
    """Numbers as they are written, truth in small letters, text unchanged."""
    query = query_of(count=5, part=0.5, deep=False, name="a,b", nobody=None)
    assert query == (("count", "5"), ("part", "0.5"), ("deep", "false"), ("name", "a,b"))


def test_readers_of_nothing_and_of_images() -> None:
    """An answer without a body, and one that must be a picture."""
    assert nothing(b"") is None  # type: ignore[func-returns-value]  # that it is nothing is the point
    assert png(b"\x89PNG...").startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="no PNG"):
        png(b"<html>")
