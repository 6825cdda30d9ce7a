"""Answers: bytes made once, and every problem that a route may answer documented."""

import json

import pytest

from app.api.answers import json_answer, json_bytes, problems, text_answer
from app.api.problems import BY_ERROR, BY_STATUS


def test_json_answer_is_compact_and_says_where() -> None:
    """JSON without spaces, as UTF-8; the location only where something was made."""
    answer = json_answer({"name": "größe", "size": 2**60}, 201, location="/v1/guests/a")
    assert bytes(answer.body).decode() == '{"name":"größe","size":1152921504606846976}'
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/guests/a")
    assert "location" not in json_answer({}).headers


@pytest.mark.parametrize("nr_rows", [0, 1, 256, 257, 1000])
@pytest.mark.parametrize("others", [{}, {"size": 1}, {"size": 1, "name": "x"}])
def test_json_in_parts_is_the_same_json(nr_rows: int, others: dict[str, object]) -> None:
    """However long the list is, the pieces make one document."""
    content = {**others, "rows": [{"id": number, "word": "ö"} for number in range(nr_rows)]}
    assert json.loads(json_bytes(content, "rows")) == content


def test_text_answer_is_plain_text() -> None:
    """/proc files are no JSON."""
    assert text_answer("a\n").headers["content-type"] == "text/plain; charset=utf-8"


def test_problems_document_what_a_route_may_answer() -> None:
    """Statuses that any route may answer are there, those of bodies only where there is one."""
    assert set(problems(404)) == {404, 500, 503}
    assert set(problems(has_body=True)) == {400, 413, 415, 422, 500, 503}
    kinds = [kind for kind in (*BY_ERROR.values(), *BY_STATUS.values()) if kind.status == 409]
    assert all(kind.slug in problems(409)[409]["description"] for kind in kinds)
