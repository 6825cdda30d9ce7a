"""Scenario files in which one thing is wrong: a good one, and how to put something else into it.

Left out: what is wrong with which (the tests of each reader).
"""

import pytest

from app.errors import ScenarioInvalid
from app.scenario.reading.scenario import read_scenario

GOOD = """\
id: T1
title: A title
start: {pages: "|....|M...|", areas: {X: [0, 4]}}
actors:
  A: {contig: [0, 4], caller: cma}
  B: [{free: [4, 5]}, {allocate: anon}]
schedule: A:isolate B*2 A:end
expect:
  linux-5.19..linux-6.6: {A: OK, B: OK at 4}
  rfc-v1: {A: OK, after: {1: {types: IM}}}
"""


def replaced(line: int, by: str) -> str:
    """Returns the good file with another text for one line, from 1."""
    lines = GOOD.splitlines()
    lines[line - 1] = by
    return "\n".join(lines) + "\n"


def refusal(text: str) -> ScenarioInvalid:
    """Returns the error that reading a text ends in."""
    with pytest.raises(ScenarioInvalid) as caught:
        read_scenario(text, file="bad.yaml")
    assert caught.value.detail.startswith(f"bad.yaml, line {caught.value.members['line']}: ")
    return caught.value


def assert_refused(text: str, line: int, accepted: str) -> None:
    """Checks that a text is refused at a line, and that the error says what would be accepted."""
    error = refusal(text)
    assert accepted in str(error.members["accepted"]), error.detail
    assert error.members["line"] == line, error.detail
