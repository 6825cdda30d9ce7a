"""Comparing kernels on forks of one guest: rows as real runs, single refusals, a start that stays."""

import gc
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidValue, Unknown
from app.guest.allocations import AllocationSpec
from app.guest.compare import (
    DEFAULT_POLICIES,
    MOST_ROWS,
    Target,
    compare,
    find_target,
    group_violations,
    plan_variants,
    run_variant,
)
from app.guest.guest import Description, Guest
from app.guest.spec import DeviceSpec
from app.guest.workload_json import parse_workload
from app.units import GIB, MIB
from tests.guest.making import FIRST_DEVICE_PFN, toy_guest, x86_guest

TO_ZERO = Target("vm0", 0)


def guest_with_slab(**changes: object) -> Guest:
    """A memory block with one slab page in its lowest pageblock (D-13)."""
    guest = x86_guest(online="online_kernel", **changes)
    guest.plug("vm0", 128 * MIB)
    guest.pages.allocate(AllocationSpec(kind="slab", at_pfns=(FIRST_DEVICE_PFN + 3,)))
    return guest


def outcome_of(row: Description) -> Description:
    """The row's outcome, which must be there."""
    outcome = row["outcome"]
    assert isinstance(outcome, dict), row
    return outcome


def test_rows_name_the_levels_that_the_driver_has() -> None:
    """5.15 takes chunks where pageblocks are asked for (8.6), and its row says so."""
    asked = (("memory_block", "pageblock"), ("memory_block", "chunk", "pageblock"))
    rows = compare(x86_guest(), TO_ZERO, plan_variants(("linux-5.15", "linux-6.17"), asked))
    assert [row["fallback"] for row in rows] == [*[["memory_block", "chunk"]] * 2, *map(list, asked)]


def test_compare_tells_each_kernel_and_fallback_apart() -> None:
    """D-13 under two kernels: chunks leave 4 MiB, pageblocks 2; attempts are those of the levels."""
    start = guest_with_slab()
    levels = (
        ("memory_block", "chunk"),
        ("memory_block", "pageblock"),
        ("memory_block", "chunk", "pageblock"),
    )
    rows = compare(start, TO_ZERO, plan_variants(("linux-5.19", "linux-6.17"), levels))
    assert [(row["policy"], row["fallback"]) for row in rows] == [
        (name, list(chosen)) for name in ("linux-5.19", "linux-6.17") for chosen in levels
    ]
    assert [outcome_of(row)["size"] for row in rows] == [4 * MIB, 2 * MIB, 2 * MIB] * 2
    assert [len(outcome_of(row)["failures"]) for row in rows] == [2, 2, 3] * 2  # type: ignore[arg-type]  # a list
    assert [row["refusal"] for row in rows] == [None] * 6


def test_compare_by_default_has_each_policys_own_levels() -> None:
    """The seven labels of the thread, each with the fallback that its driver has."""
    variants = plan_variants(DEFAULT_POLICIES, ())
    assert [variant.policy.name for variant in variants] == list(DEFAULT_POLICIES)
    own = {variant.policy.name: variant.fallback for variant in variants}
    assert own["linux-5.15"] == ("memory_block", "chunk")
    assert own["remedy-full"] == ("memory_block", "chunk", "pageblock")


def test_compare_loses_a_type_where_releases_do() -> None:
    """S18: the slab's pageblock comes back MOVABLE up to 6.16, and keeps its type from 6.17 on."""
    start = guest_with_slab()
    start.node.arrays.block_type[FIRST_DEVICE_PFN >> 9] = 0
    rows = compare(start, TO_ZERO, plan_variants(("linux-5.19", "linux-6.17"), (("pageblock",),)))
    assert [outcome_of(row)["types_lost"] for row in rows] == [{}, {}]
    start.pages.allocate(AllocationSpec(kind="pinned", at_pfns=(FIRST_DEVICE_PFN + 600,)))
    start.node.arrays.block_type[(FIRST_DEVICE_PFN >> 9) + 1] = 0
    rows = compare(start, TO_ZERO, plan_variants(("linux-5.19", "linux-6.17"), (("pageblock",),)))
    assert [outcome_of(row)["types_lost"] for row in rows] == [{"UNMOVABLE->MOVABLE": 1}, {}]
    assert [[(law["id"], law["weight"]) for law in row["broken"]] for row in rows] == [  # type: ignore[attr-defined]  # a list
        [("INV-14", "finding")],
        [],
    ]


def test_row_that_cannot_be_is_refused_alone() -> None:
    """2 MiB of a sub-block of 4 are plugged: 5.15 says why not, 5.19 runs."""
    start = guest_with_slab()
    start.plug("vm0", 2 * MIB)
    old, new = compare(start, TO_ZERO, plan_variants(("linux-5.15", "linux-5.19"), ()))
    assert old["outcome"] is None
    assert old["refusal"] == (
        "vm0 has 2 MiB of a sub-block of 4 MiB plugged, which a driver of linux-5.15 cannot hold"
    )
    assert outcome_of(new)["size"] == 2 * MIB


def test_row_leaves_no_memory_behind() -> None:
    """A fork is gone with its row, without the garbage collector: sixty-four of them are no more than one."""
    start = guest_with_slab()
    gc.disable()
    try:
        fork = start.fork()
        fork.resize("vm0", 0)
        node = weakref.ref(fork.node)
        del fork
        assert node() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("policies", "fallbacks", "field"),
    [
        ((), (), "policies"),
        (("linux-5.19",) * 13, (("pageblock",),) * 5, "policies"),
        (("linux-5.19", "linux-2.4"), (), "policies[1]"),
        (("linux-5.19+colour=red",), (), "policies[0]"),
        (("linux-5.19+merge_rule=red",), (), "policies[0].policy.merge_rule"),
        (("linux-5.19",), (("pageblock",), ("chunk",)), "fallbacks[1]"),
    ],
)
def test_plan_of_what_cannot_be_names_the_place(
    policies: tuple[str, ...], fallbacks: tuple[tuple[str, ...], ...], field: str
) -> None:
    """Unknown names, wrong levels, no rows at all and too many of them."""
    with pytest.raises(InvalidValue) as refused:
        plan_variants(policies, fallbacks)
    assert refused.value.members["field"] == field


def test_plan_takes_as_many_rows_as_it_says() -> None:
    """64 rows are accepted."""
    assert len(plan_variants(("linux-5.19",) * 16, (("pageblock",),) * 4)) == MOST_ROWS


def test_find_target_from_a_size_or_an_amount() -> None:
    """An amount counts from the present target; the only device needs no name."""
    start = guest_with_slab()
    assert find_target(start, None, requested_size=None, unplug=28 * MIB) == Target("vm0", 100 * MIB)
    assert find_target(start, "vm0", requested_size=0, unplug=None) == TO_ZERO


@pytest.mark.parametrize(
    ("device", "requested_size", "unplug"),
    [(None, 3, None), ("vm0", 2 * GIB, None), ("vm0", None, 256 * MIB)],
)
def test_find_target_that_no_device_has_is_refused(
    device: str | None, requested_size: int | None, unplug: int | None
) -> None:
    """No multiple of the block, beyond the region, more than is requested."""
    with pytest.raises(InvalidValue):
        find_target(guest_with_slab(), device, requested_size=requested_size, unplug=unplug)


def test_find_target_of_no_device_or_several() -> None:
    """Which one is meant has to be said; a wrong name is told with those that exist."""
    two = x86_guest(devices=(DeviceSpec(size=GIB), DeviceSpec(size=GIB)))
    for start in (two, x86_guest(devices=())):
        with pytest.raises(InvalidValue, match="device is null"):
            find_target(start, None, requested_size=0, unplug=None)
    with pytest.raises(Unknown, match="vm0, vm1"):
        find_target(two, "vm2", requested_size=0, unplug=None)


def test_group_violations_counts_by_law_and_weight() -> None:
    """The first place is told in words."""
    broken: Description = {"id": "INV-8", "where": "here", "expected": "1", "found": "2", "weight": "finding"}
    other = broken | {"id": "INV-4"}
    groups = group_violations([broken, other, broken | {"where": "there"}])
    assert groups == [broken | {"count": 2}, other | {"count": 1}]
    assert group_violations([]) == []


# Fractions that are filled and then freed again, by kind.
WORKLOADS = st.dictionaries(
    st.sampled_from(["anon", "file", "thp", "slab", "pinned", "reclaimable"]),
    st.tuples(st.sampled_from([0.05, 0.2, 0.4]), st.sampled_from([0.0, 0.5, 0.9])),
    max_size=4,
)


def steps_of(workload: dict[str, tuple[float, float]]) -> list[dict[str, object]]:
    """The workload as a caller writes it."""
    fills: list[dict[str, object]] = [
        {"do": "fill", "kind": kind, "label": kind, "fraction": filled}
        for kind, (filled, _) in workload.items()
    ]
    return fills + [
        {"do": "free", "label": kind, "fraction": freed} for kind, (_, freed) in workload.items() if freed
    ]


@settings(max_examples=25, deadline=None)
@given(
    workload=WORKLOADS,
    policy=st.sampled_from(DEFAULT_POLICIES),
    other=st.sampled_from(DEFAULT_POLICIES),
    online=st.sampled_from(["online_movable", "online_kernel"]),
    size=st.sampled_from([0, 9, 20]),
)
def test_row_under_the_starts_own_rules_is_what_the_start_does(
    workload: dict[str, tuple[float, float]], policy: str, other: str, online: str, size: int
) -> None:
    """Random guests: no row changes the start; then it does itself what its own row says, to the same state."""
    start = toy_guest(policy=policy, online=online, fallback=("memory_block", "pageblock"))
    start.resize("vm0", 40 * MIB)
    start.pages.populate(parse_workload(steps_of(workload)), 1)
    before = start.digest()
    target = Target("vm0", size * MIB)
    own = plan_variants((policy,), (("memory_block", "pageblock"),))
    rows = compare(start, target, own + plan_variants((other,), ()))
    assert start.digest() == before
    fork = start.fork()
    assert fork.digest() == before
    fork.resize("vm0", size * MIB)
    assert rows[0]["outcome"] == start.resize("vm0", size * MIB)
    assert fork.digest() == start.digest()
    assert [row for row in rows if any(broken["weight"] == "failure" for broken in row["broken"])] == []  # type: ignore[attr-defined]  # a list


def test_run_variant_keeps_what_the_start_has_beside_memory() -> None:
    """Clock, allocations and taken ranges are the fork's own."""
    start = guest_with_slab()
    start.pages.alloc_contig_range(0x4000, 0x4200)
    fork = start.fork()
    assert fork.clock.now_ns == start.clock.now_ns > 0
    assert fork.pages.free_contig_range(0x4000, 0x4200) == 0x200
    fork.pages.free(1)
    assert run_variant(fork, TO_ZERO, plan_variants(("linux-5.19",), ())[0])["outcome"] is not None
    assert [row.id for row in start.pages.allocations] == [1]
    assert start.pages.free_contig_range(0x4000, 0x4200) == 0x200
