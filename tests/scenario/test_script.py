"""What a scenario consists of: acts that can be told apart, and expectations that look at nothing unless told."""

import inspect
from typing import get_args

from app.scenario import script
from app.scenario.script import Act, Actor, Expectation, PictureStart, PolicyExpectation


def test_act_names_every_act_of_the_module() -> None:
    """Whatever stands between the starts and the actor is an act."""
    source = inspect.getsource(script)
    first, last = source.index("class Contig("), source.index("Act = (")
    classes = [
        member
        for name, member in inspect.getmembers(script, inspect.isclass)
        if first <= source.find(f"class {name}(") < last
    ]
    assert set(get_args(Act)) == set(classes)


def test_scripts_can_be_compared_and_remembered() -> None:
    """Equal values are equal: a picture that was read once need not be read again."""
    assert PictureStart("|....|") == PictureStart("|....|")
    assert hash(PictureStart("|....|")) == hash(PictureStart("|....|"))
    assert Actor("A", (script.Free(0, 4),)) == Actor("A", (script.Free(0, 4),))


def test_expectation_that_says_nothing_looks_at_nothing() -> None:
    """Every member is None or empty until a file fills it."""
    assert not any(vars(Expectation()).values())
    row = PolicyExpectation(("rfc-v1",), Expectation())
    assert (row.after, row.some) == ({}, ())
