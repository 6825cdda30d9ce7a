"""A node and its naive twin as a state machine without rules: booted alike, and compared after every step.

Kept here: pages, lists in order, counters, types and memory blocks are equal; only laws that real releases break are
broken.
Left out: what is done to them (machine).
"""

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from app.mm import contig, hotplug, memmap
from app.mm.checks.invariants import verify
from app.mm.checks.laws import Weight
from app.mm.geometry import Geometry
from app.mm.kernels import layout
from app.mm.node import Node
from app.mm.outcome import Caller
from app.mm.page import Migratetype, PageKind
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.policy_text import parse_policy
from app.mm.policies.switches import Accounting, MergeRule, Unit
from app.mm.zone import ZoneId, zone_index
from tests.model.observed import observe
from tests.model.twin_buddy import Memory
from tests.model.twin_hotplug import Machine

NUMBERS = st.integers(0, 1 << 16)


class Setup(NamedTuple):
    """What one state machine runs with; boot: the zone of each boot memory block, from 0 on."""

    geometry: Geometry
    # Each run draws one.
    policies: tuple[str, ...]
    nr_memory_blocks: int
    boot: tuple[ZoneId, ...]
    # Types that pageblocks of boot memory may have.
    types: tuple[Migratetype, ...]
    # The NUMA node of each memory block; empty: there is one.
    numa_nodes: tuple[int, ...] = ()

    @property
    def nr_numa_nodes(self) -> int:
        """How many NUMA nodes there are."""
        return max(self.numa_nodes, default=0) + 1


def allocatable(geometry: Geometry, policy: KernelPolicy) -> list[tuple[PageKind, int]]:
    """Returns kinds with orders that a guest allocates."""
    pageblock, chunk = geometry.pageblock_order, geometry.max_order
    movable = [
        *(
            (kind, 0)
            for kind in (PageKind.ANON, PageKind.FILE_CLEAN, PageKind.FILE_DIRTY, PageKind.MOVABLE_OPS)
        ),
        *((PageKind.HUGETLB, order) for order in range(pageblock, chunk + 1)),
        (PageKind.THP, pageblock),
    ]
    if policy.allow_lru_above_pageblock:
        movable.append((PageKind.THP, chunk))  # K-3
    fixed = [
        *((PageKind.UNMOVABLE, order) for order in (0, 1, pageblock, chunk)),
        *((PageKind.UNMOVABLE_PAGES, order) for order in (0, 2, chunk)),
        *((PageKind.RECLAIMABLE, order) for order in (0, 1)),
        (PageKind.PINNED, 0),
    ]
    # What cannot move ends most acts early, so it is drawn less often.
    return movable * 4 + fixed


def make_twin(node: Node, numa_nodes: tuple[int, ...] = ()) -> Machine:
    """Returns an empty twin with a node's policy and sizes; numa_nodes: of each memory block."""
    memory = Memory(node.geometry, node.policy, nr_numa_nodes=node.nr_numa_nodes)
    nr_block_pages = node.geometry.memory_block_nr_pages
    return Machine(memory, nr_block_pages, memmap.memmap_nr_pages(node), numa_nodes)


def _differences(mine: dict[str, dict[Any, Any]], theirs: dict[str, dict[Any, Any]]) -> Iterator[str]:
    """Words what the node and the twin do not agree on."""
    for name, found in mine.items():
        expected = theirs[name]
        for key in sorted(found.keys() | expected.keys()):
            if found.get(key) != expected.get(key):
                yield f"{name} {key}: node {found.get(key)}, twin {expected.get(key)}"


class TwinStage(RuleBasedStateMachine):
    """Two guests that must stay equal, and what was done to them so far."""

    setup_with: ClassVar[Setup]
    node: Node
    twin: Machine
    kinds: list[tuple[PageKind, int]]

    def __init__(self) -> None:
        """Knows the sizes; a guest boots first of all."""
        super().__init__()
        self.size = self.setup_with.geometry.memory_block_nr_pages
        self.owners: list[int] = []
        self.next_owner = 1
        self.isolated: list[tuple[int, int, Caller]] = []
        self.taken: list[tuple[int, int]] = []
        self.unplugged: list[tuple[int, int]] = []

    # ---------------------------------------------------------------------------------- boot

    def _boot(self, which: int, seed: int) -> None:
        """Boot memory is free, its pageblocks' types in a pattern that the seed gives."""
        setup = self.setup_with
        text = setup.policies[which % len(setup.policies)]
        note(text)
        nr_pages = setup.nr_memory_blocks * self.size
        self.node = Node(
            setup.geometry, parse_policy(text), nr_pages=nr_pages, nr_numa_nodes=setup.nr_numa_nodes
        )
        self.twin = make_twin(self.node, setup.numa_nodes)
        self.kinds = allocatable(setup.geometry, self.node.policy)
        nr_blocks = setup.geometry.pageblocks_per_memory_block
        for block, zone in enumerate(setup.boot):
            first = block * nr_blocks
            types = [
                setup.types[(seed >> number % 13) % len(setup.types)]
                for number in range(first, first + nr_blocks)
            ]
            self._boot_block(block, zone, types)
            self.twin.boot(block, zone, types)
        self.node.recompute_watermarks()
        self._copy_marks()

    def _boot_block(self, block: int, zone: ZoneId, types: list[Migratetype]) -> None:
        """One memory block of the node; its HIGHATOMIC pageblocks are reserved."""
        start, first = block * self.size, block * len(types)
        unit = self.node.geometry.pageblock_nr_pages
        numa_node = self.twin.numa_node(block)
        hotplug.boot_memory(self.node, start, start + self.size, zone, numa_node=numa_node)
        self.node.arrays.block_type[first : first + len(types)] = types
        nr_reserved = types.count(Migratetype.HIGHATOMIC) * unit
        self.node.stat[zone_index(numa_node, zone), layout.S_NR_RESERVED_HIGHATOMIC] += nr_reserved
        # Pageblock by pageblock: a free page over types that may not merge is no sound start.
        for pfn in range(start, start + self.size, unit):
            self.node.set_free(pfn, pfn + unit)

    def _copy_marks(self) -> None:
        """Watermarks are no subject here: the twin takes the node's."""
        for zone in self.node.zones:
            marks = zone.watermarks
            twin = self.twin.memory.zone[zone.index]
            twin.marks = (marks.min, marks.low)
            twin.reserve = tuple(zone.lowmem_reserve(other) for other in ZoneId)

    # ---------------------------------------------------------------------------------- where to act

    def _place(self, place: int, unit: int) -> int:
        """Returns the start of a unit in online memory; one in sixteen lies anywhere."""
        online = [block for block, state in self.twin.states.items() if state.startswith("online")]
        if place % 16 == 0 or not online:
            return place // 16 * unit % self.node.nr_pages
        block = sorted(online)[place % len(online)]
        return block * self.size + place // 16 * unit % self.size

    def _range(self, place: int, length: int) -> tuple[int, int]:
        """Returns a range in the unit that the policy isolates, within one memory block."""
        unit = contig.contig_align_nr_pages(self.node)
        start = self._place(place, unit)
        return start, min(start + (length + 1) * unit, (start // self.size + 1) * self.size)

    # ---------------------------------------------------------------------------------- after every step

    @invariant()
    def twins_are_equal(self) -> None:
        """Nothing that decides later acts differs."""
        found, expected = observe(self.node), self.twin.observe()
        assert found == expected, "; ".join(_differences(found._asdict(), expected._asdict()))

    @invariant()
    def free_pages_of_the_reserve_are_counted_alike(self) -> None:
        """The counter came with 6.10, and with counting by lists."""
        if self.node.policy.accounting is Accounting.LIST:
            found = self.node.stat[:, layout.S_NR_FREE_HIGHATOMIC].tolist()
            assert found == [zone.nr_free_highatomic for zone in self.twin.memory.zone.values()]

    @invariant()
    def laws_hold(self) -> None:
        """No law is broken but those that the policy's own releases break, whatever was done."""
        policy, types = self.node.policy, self.setup_with.types
        if (
            policy.cma_align is Unit.CHUNK
            and policy.merge_rule is MergeRule.ISOLATE_ONLY
            and Migratetype.CMA in types
        ):
            return  # single pageblocks of CMA are no start that there could be
        broken = verify(self.node, is_operating=bool(self.isolated))
        failures = [violation for violation in broken if violation.weight is Weight.FAILURE]
        assert failures == [], failures
