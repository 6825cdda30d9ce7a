"""Policies as text: every policy has one canonical text, and parsing it gives the policy back."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import CallerError, InvalidValue, Unknown
from app.mm.policies.policy import POLICIES, policy
from app.mm.policies.policy_text import SWITCH_VALUES, format_policy, parse_policy
from app.mm.policies.switches import ContigAlign, Level, Unit

SWITCHES = [(switch, word) for switch, values in SWITCH_VALUES.items() for word in values]


@pytest.mark.parametrize("name", POLICIES)
def test_preset_is_its_own_text(name: str) -> None:
    """A preset's name is its canonical text."""
    assert parse_policy(name) is policy(name)
    assert format_policy(policy(name)) == name


@pytest.mark.parametrize(("switch", "word"), SWITCHES)
def test_single_switch_is_settable_on_every_preset(switch: str, word: str) -> None:
    """Each value of each switch is taken by some preset, and comes back from its text; or it is refused by name."""
    taken = 0
    for name in POLICIES:
        with contextlib.suppress(InvalidValue):
            parsed = parse_policy(f"{name}+{switch}={word}")
            assert getattr(parsed, switch) == SWITCH_VALUES[switch][word]
            assert parse_policy(format_policy(parsed)) == parsed
            assert parsed.name == format_policy(parsed)
            taken += 1
    assert taken


@given(
    name=st.sampled_from(list(POLICIES)),
    changes=st.dictionaries(st.sampled_from(list(SWITCH_VALUES)), st.integers(0, 9), max_size=6),
    is_unsafe=st.booleans(),
)
def test_parse_and_format_are_inverse(name: str, changes: dict[str, int], *, is_unsafe: bool) -> None:
    """Whatever switches are set together: they are refused, or the canonical text gives the same policy."""
    chosen = {
        switch: list(SWITCH_VALUES[switch])[at % len(SWITCH_VALUES[switch])] for switch, at in changes.items()
    }
    if is_unsafe:
        chosen["allow_unsafe"] = "yes"
    text = f"{name}+{','.join(f'{switch}={word}' for switch, word in chosen.items())}" if chosen else name
    with contextlib.suppress(InvalidValue):
        parsed = parse_policy(text)
        assert {switch: getattr(parsed, switch) for switch in chosen} == {
            switch: SWITCH_VALUES[switch][word] for switch, word in chosen.items()
        }
        assert parse_policy(parsed.name) == parsed
        assert format_policy(parsed) == parsed.name


def test_canonical_text_has_sorted_switches_that_differ() -> None:
    """What equals the preset is left out, and true and blanks are written as everybody else's."""
    text = "linux-5.15 cma_align=pageblock,allow_unsafe=true,merge_rule=isolate-only"
    parsed = parse_policy(text)
    assert parsed.name == "linux-5.15+allow_unsafe=yes,cma_align=pageblock"
    assert parse_policy("linux-5.19+atomic_cut=false") == policy("linux-5.19")


def test_levels_are_written_with_colons() -> None:
    """A list inside a list of switches has its own separator."""
    parsed = parse_policy("linux-6.6+fallback=memory_block:chunk:pageblock")
    assert parsed.fallback == (Level.MEMORY_BLOCK, Level.CHUNK, Level.PAGEBLOCK)


def test_format_names_what_code_changed() -> None:
    """A policy that was made by replacing switches is told by its preset and what differs."""
    changed = replace(policy("linux-6.12"), contig_align=ContigAlign.CHUNK, cma_align=Unit.CHUNK)
    assert format_policy(changed) == "linux-6.12+cma_align=chunk,contig_align=chunk"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("linux-2.4", "no policy is named 'linux-2.4'; known: no-guard"),
        ("", "no policy is named ''"),
        ("+merge_rule=any", "no policy is named ''"),
        ("linux-5.19+colour=red", "no policy switch is named 'colour'; known: merge_rule"),
        ("linux-5.19+name=x", "no policy switch is named 'name'"),
    ],
)
def test_unknown_names_are_answered_with_those_that_exist(text: str, words: str) -> None:
    """A wrong preset or switch, and what there is."""
    with pytest.raises(Unknown) as caught:
        parse_policy(text)
    assert caught.value.detail.startswith(words)


@pytest.mark.parametrize(
    ("text", "field", "accepted"),
    [
        ("linux-5.19+merge_rule=all", "policy.merge_rule", "any, isolate-only, fallback-types"),
        ("linux-5.19+atomic_cut=maybe", "policy.atomic_cut", "no, yes"),
        ("linux-5.19+merge_rule=true", "policy.merge_rule", "any, isolate-only, fallback-types"),
        ("linux-5.19+movable_contig_attempts=0", "policy.movable_contig_attempts", "1, 2, 3"),
        ("linux-5.19+fallback=chunk", "policy.fallback", "memory_block:chunk:pageblock, memory_block:chunk"),
        ("linux-5.19+", "policy", "PRESET+SWITCH=VALUE"),
        ("linux-5.19+atomic_cut", "policy", "PRESET+SWITCH=VALUE"),
        ("linux-5.19+atomic_cut=yes,atomic_cut=no", "policy.atomic_cut", "one value, not several"),
        ("linux-5.15+cma_align=pageblock", "policy.cma_align", "merge_rule fallback-types"),
        ("linux-5.15+undo_type=saved,allow_unsafe=yes", "policy.undo_type", "isolate_store bit"),
    ],
)
def test_wrong_values_are_refused_by_their_field(text: str, field: str, accepted: str) -> None:
    """A value that a switch cannot have, a change that is none, and switches that do not go together."""
    with pytest.raises(InvalidValue) as caught:
        parse_policy(text)
    assert caught.value.members["field"] == field
    assert str(caught.value.members["accepted"]).startswith(accepted) or accepted in caught.value.detail


@given(st.text(alphabet="linux-5.19+=,:yesno \x00atomic_cut", max_size=60))
def test_any_text_is_a_policy_or_the_callers_error(text: str) -> None:
    """Nothing that can be written ends in a defect."""
    with contextlib.suppress(CallerError):
        assert parse_policy(text).name in text.replace(" ", "+")


def test_longest_text_fits_a_field() -> None:
    """A text that sets every switch is as long as the service accepts, or shorter."""
    words = [f"{switch}={max(values, key=len)}" for switch, values in SWITCH_VALUES.items()]
    assert len(f"{max(POLICIES, key=len)}+{','.join(words)}") <= 1024
