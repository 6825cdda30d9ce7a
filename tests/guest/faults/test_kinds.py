"""The table of fault kinds: complete, and of words that rules know."""

from dataclasses import fields

from app.guest.faults.kinds import KINDS, MOMENTS, WINDOWS, FaultKind
from app.guest.faults.rule import FaultSpec, Match
from app.guest.faults.rules_json import MATCHES, MEMBERS


def test_table_has_each_kind_and_names_known_members() -> None:
    """Every kind has a row; what a row names can be read, and stands in the rule."""
    assert set(KINDS) == set(FaultKind)
    for row in KINDS.values():
        assert set(row.match) <= set(MATCHES)
        assert set(row.members) <= set(MEMBERS)
        assert set(row.required) <= set(row.members)
    assert set(MATCHES) == {field.name for field in fields(Match)}
    assert set(MEMBERS) == {field.name for field in fields(FaultSpec)} - {"kind", "match"}


def test_kinds_without_opportunity_begin_by_themselves() -> None:
    """A kind that waits for nothing is a window; all others say what they wait for."""
    assert {kind for kind, row in KINDS.items() if not row.opportunity} <= WINDOWS | MOMENTS
    assert all(row.about.endswith(".") for row in KINDS.values())
