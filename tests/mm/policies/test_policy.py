"""Kernel policies: the table of switches, and what goes together."""

from dataclasses import replace

import pytest

from app.errors import InvalidValue, Unknown
from app.mm.policies.policy import (
    POLICIES,
    KernelPolicy,
    policy,
)
from app.mm.policies.switches import (
    Accounting,
    Boundary,
    CmaLock,
    ContigAlign,
    IsolateStore,
    MergeRule,
    RetypeOnMerge,
    StealRule,
    UndoType,
    Unit,
)


@pytest.mark.parametrize("name", POLICIES)
def test_policy_is_consistent_and_named(name: str) -> None:
    """No preset is one of the combinations that 12.1 refuses."""
    policy(name).validate()
    assert policy(name).name == name


def test_policy_unknown_lists_known() -> None:
    """A wrong name is answered with those that exist."""
    with pytest.raises(Unknown, match=r"linux-5\.19"):
        policy("linux-2.4")


def test_switches_are_json_ready() -> None:
    """Every switch is a plain string, number, boolean or list of strings, and the name is not among them."""
    switches = policy("linux-5.19").switches()
    assert switches["merge_rule"] == "fallback-types"
    assert switches["fallback"] == ["memory_block", "pageblock"]
    assert "name" not in switches
    assert {type(value) for value in switches.values()} == {str, int, bool, list}


def test_presets_differ_as_the_table_says() -> None:
    """Spot rows of 12.1: merging, alignment, locks, and the recorded number of attempts on 5.10."""
    assert policy("linux-5.15").merge_rule is MergeRule.ISOLATE_ONLY
    assert policy("linux-5.19").merge_rule is MergeRule.FALLBACK_TYPES
    assert policy("linux-6.10").split_on_free is False
    assert policy("linux-6.12").split_on_free is True
    assert policy("linux-6.17").undo_type is UndoType.SAVED
    assert policy("linux-6.17").cma_lock is CmaLock.PER_AREA
    assert policy("linux-5.10").movable_contig_attempts == 1
    assert policy("linux-5.15").movable_contig_attempts == 5


LIST = {"accounting": Accounting.LIST}
HYGIENIC = {
    "merge_rule": MergeRule.FALLBACK_TYPES,
    "retype_on_merge": RetypeOnMerge.FULL,
    "atomic_cut": True,
    "steal_rule": StealRule.STEPPED,
}
PAGEBLOCK_CMA = {"cma_align": Unit.PAGEBLOCK}
UNSAFE = [
    ({"merge_rule": MergeRule.ANY}, "merge_rule", "fallback-types"),
    (PAGEBLOCK_CMA, "cma_align", "chunk while merge_rule is isolate-only"),
    ({**PAGEBLOCK_CMA, "merge_rule": MergeRule.FALLBACK_TYPES}, "cma_align", "undo_type is caller"),
    ({"contig_align": ContigAlign.PAGEBLOCK}, "contig_align", "boundary is none"),
    ({"contig_align": ContigAlign.CHUNK_OF_ONE_TYPE}, "contig_align", "boundary is none"),
    ({"contig_align": ContigAlign.PAGEBLOCK, "atomic_cut": True}, "contig_align", "they are yes and no"),
    ({"boundary": Boundary.DEFER}, "boundary", "split_on_free is no"),
    ({"retype_on_merge": RetypeOnMerge.HEAD}, "retype_on_merge", "merge_rule is isolate-only"),
    (
        {**HYGIENIC, **LIST, "merge_rule": MergeRule.ISOLATE_ONLY},
        "retype_on_merge",
        "merge_rule fallback-types",
    ),
    (
        {**LIST, "merge_rule": MergeRule.ISOLATE_ONLY},
        "accounting",
        "caller while merge_rule is isolate-only",
    ),
    ({**HYGIENIC, **LIST, "retype_on_merge": RetypeOnMerge.HEAD}, "accounting", "retype_on_merge is head"),
    ({**HYGIENIC, **LIST, "atomic_cut": False}, "accounting", "atomic_cut is no"),
    (
        {**HYGIENIC, **LIST, "steal_rule": StealRule.MOVE_THEN_DECIDE},
        "accounting",
        "steal_rule is move-then-decide",
    ),
]


@pytest.mark.parametrize(("changes", "switch", "words"), UNSAFE)
def test_unsafe_combination_is_refused_by_both_names(
    changes: dict[str, object], switch: str, words: str
) -> None:
    """What breaks lists or counters needs allow_unsafe, and the error says what would be accepted."""
    changed = changed_from_5_15(changes)
    with pytest.raises(InvalidValue, match="allow_unsafe yes") as caught:
        changed.validate()
    assert caught.value.members["field"] == f"policy.{switch}"
    assert words in str(caught.value.members["accepted"])
    replace(changed, allow_unsafe=True).validate()


@pytest.mark.parametrize(
    ("changes", "switch", "words"),
    [
        ({"undo_type": UndoType.SAVED}, "undo_type", "isolate_store bit"),
        ({"edge_ignores_cma": True}, "edge_ignores_cma", "boundary is none"),
        ({"movable_contig_attempts": 0}, "movable_contig_attempts", "1 to 10"),
    ],
)
def test_impossible_combination_is_refused_even_when_unsafe(
    changes: dict[str, object], switch: str, words: str
) -> None:
    """What no kernel could be stays refused whatever allow_unsafe says."""
    for allow_unsafe in (False, True):
        with pytest.raises(InvalidValue) as caught:
            changed_from_5_15({**changes, "allow_unsafe": allow_unsafe}).validate()
        assert caught.value.members["field"] == f"policy.{switch}"
        assert words in str(caught.value.members["accepted"])


@pytest.mark.parametrize(
    "changes",
    [
        {"contig_align": ContigAlign.PAGEBLOCK, "atomic_cut": True, "split_on_free": True},
        {**PAGEBLOCK_CMA, "merge_rule": MergeRule.FALLBACK_TYPES, "boundary": Boundary.MIGRATE}
        | {"contig_align": ContigAlign.PAGEBLOCK, "edge_ignores_cma": True},
        {**HYGIENIC, **LIST},
        {"isolate_store": IsolateStore.BIT, "undo_type": UndoType.SAVED},
        {"isolate_store": IsolateStore.BIT},
    ],
)
def test_sound_combination_needs_no_permission(changes: dict[str, object]) -> None:
    """The other side of each refusal is taken as it is."""
    changed = changed_from_5_15(changes)
    changed.validate()
    assert not changed.allow_unsafe


def changed_from_5_15(changes: dict[str, object]) -> KernelPolicy:
    """Returns linux-5.15 with switches changed."""
    return replace(policy("linux-5.15"), **changes)  # type: ignore[arg-type]  # the tables name the switches
