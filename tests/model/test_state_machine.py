"""Random acts on small guests, compared with the naive twin and checked by every law after each."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from app.errors import InvalidValue
from app.mm.geometry import Geometry, preset
from app.mm.kernels._jit import IS_COMPILED
from app.mm.page import Migratetype
from app.mm.policies.policy import POLICIES, KernelPolicy
from app.mm.policies.policy_text import SWITCH_VALUES, parse_policy
from app.mm.policies.switches import Accounting, HighatomicRule, MergeRule, StealRule
from app.mm.zone import ZoneId
from app.units import KIB
from tests.model.machine import NodeMachine
from tests.model.twin_stage import Setup

_NORMAL, _DMA32 = ZoneId.NORMAL, ZoneId.DMA32
_TYPES = tuple(migratetype for migratetype in Migratetype if migratetype is not Migratetype.ISOLATE)

TOY = preset("toy")
# Chunks of four pageblocks, as s390x.
FOUR = Geometry("four", 4 * KIB, 4, 2, 64 * KIB, 256 * KIB)
# Chunks of two pageblocks, as x86-64; a pageblock is a migration batch.
TWO = Geometry("two", 4 * KIB, 6, 5, 256 * KIB, 512 * KIB)
# Pageblocks so small that one in a hundred is more than one of them: from 6.12 less is never reserved (B-22).
TINY = Geometry("tiny", 4 * KIB, 3, 1, 32 * KIB, 256 * KIB)
# A chunk spans two sections, each a memory block of its own (G-8).
SPAN = Geometry("span", 4 * KIB, 6, 3, 128 * KIB, 128 * KIB, allow_wide_max=True)

GUESTS = {
    "toy": (TOY, 4, (_NORMAL, _NORMAL)),
    "four": (FOUR, 6, (_DMA32, _NORMAL, _NORMAL)),
    "two": (TWO, 5, (_DMA32, _NORMAL, _NORMAL)),
    "tiny": (TINY, 6, (_NORMAL, _NORMAL, _NORMAL, _NORMAL)),
    "span": (SPAN, 8, (_NORMAL, _NORMAL, _NORMAL, _NORMAL)),
}
# Presets whose memory side differs from every other's.
_PRESETS = (
    "no-guard",
    "linux-5.15",
    "rfc-v1",
    "linux-5.19",
    "linux-6.10",
    "linux-6.12",
    "linux-6.16",
    "linux-6.17",
    "remedy-full",
)
# Switches of the guest's memory side; the others are the driver's, or locks.
_MEMORY_SWITCHES = (
    "merge_rule",
    "retype_on_merge",
    "contig_align",
    "boundary",
    "atomic_cut",
    "edge_ignores_cma",
    "accounting",
    "split_on_free",
    "isolate_store",
    "undo_type",
    "unmovable_window",
    "lookup_compound_head",
    "steal_rule",
    "highatomic_rule",
    "allow_lru_above_pageblock",
)


def one_switch_policies() -> Iterator[str]:
    """Yields every preset with one switch of another value, unless the combination is refused."""
    for name in _PRESETS:
        for switch in _MEMORY_SWITCHES:
            for word in SWITCH_VALUES[switch]:
                try:
                    changed = parse_policy(f"{name}+{switch}={word}")
                except InvalidValue:
                    continue
                if changed.switches() != POLICIES[name].switches() and not _is_undefined(changed):
                    yield changed.name


def _is_undefined(policy: KernelPolicy) -> bool:
    """Returns whether the text says nothing about a combination: what came with 6.10 on lists that mix types."""
    mixes = policy.merge_rule is not MergeRule.FALLBACK_TYPES
    is_by_list = policy.accounting is Accounting.LIST
    trusts_lists = (
        is_by_list
        or policy.atomic_cut
        or policy.steal_rule is not StealRule.MOVE_THEN_DECIDE
        or policy.highatomic_rule is not HighatomicRule.RESERVED
    )
    return (mixes and trusts_lists) or (policy.highatomic_rule is HighatomicRule.FREE and not is_by_list)


ONE_SWITCH_POLICIES = tuple(one_switch_policies())


# The NUMA node of each memory block of a guest; the third of "toy" has memory only when some is hotplugged.
NUMA_NODES = {"four": (0, 0, 1, 1, 0, 1), "toy": (0, 1, 2, 1)}


def run_state_machine_on(
    guest: str, policies: tuple[str, ...], *, examples: int, numa_nodes: tuple[int, ...] = ()
) -> None:
    """Runs the machine, shorter where kernels are interpreted: a hundred times slower, against the same twin."""
    geometry, nr_memory_blocks, boot = GUESTS[guest]
    setup = Setup(geometry, policies, nr_memory_blocks, boot, _TYPES, numa_nodes)
    machine = type("Machine", (NodeMachine,), {"setup_with": setup})
    most = settings(max_examples=examples if IS_COMPILED else 2, stateful_step_count=30)
    run_state_machine_as_test(machine, settings=most)


@pytest.mark.boundscheck
@pytest.mark.interpreted
@pytest.mark.parametrize("policy", _PRESETS)
@pytest.mark.parametrize("guest", ["toy", "four", "two", "tiny"])
def test_random_acts_leave_node_and_twin_equal_and_lawful(guest: str, policy: str) -> None:
    """Any sequence of acts leaves the same pages, lists and counters on both sides, and no law broken."""
    run_state_machine_on(guest, (policy,), examples=30)


@pytest.mark.boundscheck
@pytest.mark.interpreted
@pytest.mark.parametrize("guest", NUMA_NODES)
def test_random_acts_on_several_nodes_leave_node_and_twin_equal_and_lawful(guest: str) -> None:
    """The same where memory is of several NUMA nodes: requests prefer one, and go around."""
    run_state_machine_on(guest, _PRESETS, examples=60, numa_nodes=NUMA_NODES[guest])


@pytest.mark.boundscheck
@pytest.mark.parametrize("guest", ["four", "two"])
def test_random_acts_under_presets_with_one_switch_changed_leave_node_and_twin_equal(guest: str) -> None:
    """Every switch is a mechanism of its own: it does the same whatever the others are."""
    run_state_machine_on(guest, ONE_SWITCH_POLICIES, examples=300)


@pytest.mark.boundscheck
@pytest.mark.parametrize("policy", ["linux-5.19", "linux-6.17"])
def test_random_acts_with_chunks_over_memory_blocks_leave_node_and_twin_equal(policy: str) -> None:
    """G-8, from 5.19: a free page may span memory blocks that come and go one by one."""
    run_state_machine_on("span", (policy,), examples=50)
