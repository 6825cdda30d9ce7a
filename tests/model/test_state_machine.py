"""Random acts on small guests, compared with the naive twin and checked by every law after each."""

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from app.mm.geometry import Geometry, preset
from app.mm.kernels._jit import IS_COMPILED
from app.mm.page import Migratetype
from app.mm.zone import ZoneId
from app.units import KIB
from tests.model.machine import NodeMachine, Setup

_NORMAL, _DMA32 = ZoneId.NORMAL, ZoneId.DMA32
_STEALABLE = (Migratetype.MOVABLE, Migratetype.UNMOVABLE, Migratetype.RECLAIMABLE)
_ALL = (*_STEALABLE, Migratetype.HIGHATOMIC, Migratetype.CMA)
# Types with which a policy's releases keep every law. Up to 5.15 CMA and HIGHATOMIC merge with their neighbours
# (B-7, B-25); from 5.19 a range that cannot be isolated as a whole gives HIGHATOMIC back as MOVABLE (I-10).
_LAWFUL = {"linux-5.15": _STEALABLE, "linux-5.19": (*_STEALABLE, Migratetype.CMA)}

TOY = preset("toy")
# Chunks of four pageblocks, as s390x.
FOUR = Geometry("four", 4 * KIB, 4, 2, 64 * KIB, 256 * KIB)
# Chunks of two pageblocks, as x86-64; a pageblock is a migration batch.
TWO = Geometry("two", 4 * KIB, 6, 5, 256 * KIB, 512 * KIB)
# A chunk spans two sections, each a memory block of its own (G-8).
SPAN = Geometry("span", 4 * KIB, 6, 3, 128 * KIB, 128 * KIB, allow_wide_max=True)

GUESTS = {
    "toy": (TOY, 4, (_NORMAL, _NORMAL)),
    "four": (FOUR, 6, (_DMA32, _NORMAL, _NORMAL)),
    "two": (TWO, 5, (_DMA32, _NORMAL, _NORMAL)),
    "span": (SPAN, 8, (_NORMAL, _NORMAL, _NORMAL, _NORMAL)),
}


def run_state_machine_on(
    guest: str, policy: str, types: tuple[Migratetype, ...], *, keeps_laws: bool
) -> None:
    """Runs the machine, shorter where kernels are interpreted: a hundred times slower, against the same twin."""
    geometry, nr_memory_blocks, boot = GUESTS[guest]
    setup = Setup(geometry, policy, nr_memory_blocks, boot, types, keeps_laws)
    machine = type("Machine", (NodeMachine,), {"setup_with": setup})
    examples = 100 if IS_COMPILED else 5
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=30))


@pytest.mark.boundscheck
@pytest.mark.interpreted
@pytest.mark.parametrize("policy", ["linux-5.15", "linux-5.19"])
@pytest.mark.parametrize("guest", ["toy", "four", "two"])
def test_random_acts_leave_node_and_twin_equal_and_lawful(guest: str, policy: str) -> None:
    """Any sequence of acts leaves the same pages, lists and counters on both sides, and no law broken."""
    run_state_machine_on(guest, policy, _LAWFUL[policy], keeps_laws=True)


@pytest.mark.boundscheck
@pytest.mark.parametrize("policy", ["linux-5.15", "linux-5.19"])
@pytest.mark.parametrize("guest", ["four", "two"])
def test_random_acts_with_all_pageblock_types_leave_node_and_twin_equal(guest: str, policy: str) -> None:
    """CMA and HIGHATOMIC pageblocks get mixed up in the same way on both sides."""
    run_state_machine_on(guest, policy, _ALL, keeps_laws=False)


@pytest.mark.boundscheck
def test_random_acts_with_chunks_over_memory_blocks_leave_node_and_twin_equal() -> None:
    """G-8, from 5.19: a free page may span memory blocks that come and go one by one."""
    run_state_machine_on("span", "linux-5.19", _LAWFUL["linux-5.19"], keeps_laws=True)
