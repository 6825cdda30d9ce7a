"""Kernel policies: the table of switches, what runs, and the sizes that follow from a policy."""

from dataclasses import fields, replace

import pytest

from app.errors import InvalidValue, Unknown
from app.mm.geometry import preset
from app.mm.policy import (
    AVAILABLE,
    POLICIES,
    KernelPolicy,
    cma_align,
    fadump_align,
    is_subblock_mode,
    policy,
    require_supported,
    subblock_size,
)
from app.mm.switches import CmaLock, MergeRule, UndoType, Unit
from app.units import MIB

RUNNING = ("linux-5.10", "linux-5.15", "linux-5.19", "linux-6.6")


@pytest.mark.parametrize("name", POLICIES)
def test_policy_is_consistent_and_named(name: str) -> None:
    """No preset is one of the combinations that 12.1 refuses."""
    policy(name).validate()
    assert policy(name).name == name


@pytest.mark.parametrize("name", POLICIES)
def test_require_supported_refuses_exactly_what_does_not_run(name: str) -> None:
    """The presets of this release run; each other is refused with a switch and its value."""
    if name in RUNNING:
        assert policy(name).runs
        require_supported(policy(name))
        return
    assert not policy(name).runs
    with pytest.raises(InvalidValue) as caught:
        require_supported(policy(name))
    switch = str(caught.value.members["field"]).removeprefix("policy.")
    assert caught.value.members["value"] == getattr(policy(name), switch)
    assert name in caught.value.detail


def test_require_supported_names_the_one_changed_switch() -> None:
    """A supported policy with one switch turned to a later kernel's value is refused by that switch."""
    for switch, accepted in AVAILABLE.items():
        base = policy("linux-5.19")
        values = {getattr(other, switch) for other in POLICIES.values()} - accepted
        for value in values:
            changed = replace(base, **{switch: value})
            with pytest.raises(InvalidValue, match=switch):
                require_supported(changed)


def test_available_names_are_switches() -> None:
    """A misspelt switch in the table of available values would refuse nothing."""
    assert set(AVAILABLE) <= {field.name for field in fields(KernelPolicy)}


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


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"undo_type": UndoType.SAVED}, "policy.undo_type"),
        ({"cma_align": Unit.PAGEBLOCK}, "policy.cma_align"),
        ({"movable_contig_attempts": 0}, "policy.movable_contig_attempts"),
    ],
)
def test_validate_refuses_combination(change: dict[str, object], field: str) -> None:
    """Combinations that no kernel could have are named."""
    with pytest.raises(InvalidValue) as caught:
        replace(policy("linux-5.15"), **change).validate()  # type: ignore[arg-type]  # the field is the parameter
    assert caught.value.members["field"] == field


@pytest.mark.parametrize(
    ("geometry", "older", "newer"),
    [
        ("x86-64", 4 * MIB, 2 * MIB),
        ("arm64-16K", 32 * MIB, 32 * MIB),
        ("s390x", 4 * MIB, 1 * MIB),
        ("wide", 32 * MIB, 2 * MIB),
    ],
)
def test_subblock_size_is_chunk_then_pageblock(geometry: str, older: int, newer: int) -> None:
    """The columns "sb" of G-5."""
    assert subblock_size(preset(geometry), policy("linux-5.15"), MIB) == older
    assert subblock_size(preset(geometry), policy("linux-5.19"), MIB) == newer


@pytest.mark.parametrize(
    ("name", "device_block", "size", "is_subblock"),
    [
        ("linux-5.10", 2 * MIB, 4 * MIB, True),
        ("linux-5.19", 2 * MIB, 2 * MIB, True),
        ("linux-5.10", 8 * MIB, 8 * MIB, True),
        ("linux-5.19", 8 * MIB, 8 * MIB, True),
        ("linux-5.10", 128 * MIB, 128 * MIB, True),
        ("linux-5.19", 128 * MIB, 128 * MIB, False),
        ("linux-5.10", 256 * MIB, 256 * MIB, False),
        ("linux-5.19", 256 * MIB, 256 * MIB, False),
    ],
)
def test_mode_is_as_recorded(name: str, device_block: int, size: int, *, is_subblock: bool) -> None:
    """The recorded table of device block sizes: which sub-block, and sub-block mode or not."""
    x86 = preset("x86-64")
    assert subblock_size(x86, policy(name), device_block) == size
    assert is_subblock_mode(x86, policy(name), device_block) is is_subblock


def test_alignments_follow_policy() -> None:
    """G-7: CMA and fadump align to chunks until 5.18, to pageblocks from 5.19."""
    x86 = preset("x86-64")
    old, new = policy("linux-5.15"), policy("linux-5.19")
    assert (cma_align(x86, old), cma_align(x86, new)) == (4 * MIB, 2 * MIB)
    assert (fadump_align(x86, old), fadump_align(x86, new)) == (4 * MIB, 2 * MIB)


def test_subblock_stops_at_section() -> None:
    """G-8: where a chunk is larger than a section, a chunk-sized sub-block grows to the section only."""
    tall = replace(preset("x86-64"), max_order=15, section_size=16 * MIB, allow_wide_max=True)
    assert subblock_size(tall, policy("linux-5.15"), MIB) == 16 * MIB
