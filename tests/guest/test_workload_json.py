"""Workloads from JSON: what is right is read, what is wrong is named by its place."""

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import CallerError, InvalidValue, Unknown
from app.guest.workload import WORKLOADS, Act
from app.guest.workload_json import LARGEST_NR_STEPS, parse_workload
from app.mm.page import PageKind

FILL = {"do": "fill", "kind": "anon", "fraction": 0.5, "label": "heap"}


def test_parse_reads_every_act() -> None:
    """One step of each kind, with all its members."""
    steps = parse_workload(
        [
            {"do": "fill", "kind": "thp", "order": 9, "size": "64MiB", "label": "huge"},
            {
                "do": "mix",
                "fraction": 0.25,
                "parts": [{"kind": "slab"}, {"kind": "anon", "weight": 8, "label": "a"}],
            },
            {"do": "free", "label": "huge", "fraction": 1},
            {"do": "pin", "label": "a", "size": 4096},
            {"do": "churn", "labels": ["a", "huge"], "fraction": 0.3, "rounds": 5},
        ]
    )
    assert [step.act for step in steps] == [Act.FILL, Act.MIX, Act.FREE, Act.PIN, Act.CHURN]
    assert (steps[0].size, steps[0].order, steps[0].kind) == (64 << 20, 9, PageKind.THP)
    assert [(part.kind, part.weight, part.label) for part in steps[1].parts] == [
        (PageKind.UNMOVABLE, 1, "slab"),
        (PageKind.ANON, 8, "a"),
    ]
    assert (steps[4].rounds, steps[4].labels) == (5, ("a", "huge"))


def test_parse_names_and_nothing() -> None:
    """A name means the ready-made steps, no value means none."""
    assert parse_workload("busy") == WORKLOADS["busy"]
    assert parse_workload(None) == ()
    assert parse_workload([]) == ()
    with pytest.raises(Unknown):
        parse_workload("lazy")


def test_label_of_fill_defaults_to_kind() -> None:
    """The first fill of a kind need not be named."""
    assert parse_workload([{"do": "fill", "kind": "anon", "fraction": 1}])[0].label == "anon"


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        (3, "workload"),
        ({"do": "fill"}, "workload"),
        ([FILL] * (LARGEST_NR_STEPS + 1), "workload"),
        ([3], "workload[0].do"),
        ([{}], "workload[0].do"),
        ([{"do": "paint"}], "workload[0].do"),
        ([{"do": ["fill"]}], "workload[0].do"),
        ([{**FILL, "colour": 1}], "workload[0].colour"),
        ([{**FILL, "rounds": 2}], "workload[0].rounds"),
        ([{**FILL, "kind": "free"}], "workload[0].kind"),
        ([{**FILL, "order": 99}], "workload[0].order"),
        ([{**FILL, "order": True}], "workload[0].order"),
        ([{**FILL, "fraction": 0}], "workload[0].fraction"),
        ([{**FILL, "fraction": 1.5}], "workload[0].fraction"),
        ([{**FILL, "fraction": math.nan}], "workload[0].fraction"),
        ([{**FILL, "fraction": "half"}], "workload[0].fraction"),
        ([{**FILL, "size": 4096}], "workload[0].fraction"),
        ([{"do": "fill", "kind": "anon"}], "workload[0].fraction"),
        ([{"do": "fill", "kind": "anon", "size": -1}], "workload[0].size"),
        ([{"do": "fill", "kind": "anon", "size": "many"}], "workload[0].size"),
        ([{**FILL, "label": ""}], "workload[0].label"),
        ([{**FILL, "label": "x" * 65}], "workload[0].label"),
        ([{**FILL, "label": "a\nb"}], "workload[0].label"),
        ([FILL, FILL], "workload[1].label"),
        ([FILL, {"do": "free", "label": "stack", "fraction": 1}], "workload[1].label"),
        ([{"do": "free", "fraction": 1}], "workload[0].label"),
        ([{"do": "mix", "fraction": 1}], "workload[0].parts"),
        ([{"do": "mix", "fraction": 1, "parts": []}], "workload[0].parts"),
        ([{"do": "mix", "fraction": 1, "parts": "anon"}], "workload[0].parts"),
        ([{"do": "mix", "fraction": 1, "parts": [7]}], "workload[0].parts[0]"),
        ([{"do": "mix", "fraction": 1, "parts": [{}]}], "workload[0].parts[0].kind"),
        (
            [{"do": "mix", "fraction": 1, "parts": [{"kind": "anon", "weight": 0}]}],
            "workload[0].parts[0].weight",
        ),
        ([{"do": "mix", "fraction": 1, "parts": [{"kind": "anon"}, {"kind": "anon"}]}], "workload[0].label"),
        ([FILL, {"do": "churn", "labels": ["heap"], "fraction": 1, "rounds": 0}], "workload[1].rounds"),
        ([FILL, {"do": "churn", "labels": ["heap", "x"], "fraction": 1}], "workload[1].label"),
        ([FILL, {"do": "churn", "labels": ["heap", 3], "fraction": 1}], "workload[1].labels[1]"),
        ([FILL, {"do": "churn", "labels": "heap", "fraction": 1}], "workload[1].labels"),
        ([FILL, {"do": "churn", "label": "heap", "fraction": 1}], "workload[1].label"),
    ],
)
def test_parse_names_place_of_wrong_value(steps: object, field: str) -> None:
    """Each wrong value is answered with its place."""
    with pytest.raises(InvalidValue) as caught:
        parse_workload(steps)
    assert caught.value.members["field"] == field


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["do", "kind", "label", "fraction", "size", "parts"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(value=JSON)
def test_parse_answers_any_json(value: object) -> None:
    """Whatever is sent is either read or refused as the caller's error, never a defect of ours."""
    with contextlib.suppress(CallerError):
        assert isinstance(parse_workload(value), tuple)
