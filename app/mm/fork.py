"""Forking a node: an independent copy of all its memory, under the same policy or another one.

    pages, owners, lists ──copied──▶ as they were ──▶ cut and moved, where the new policy's lists are cleaner

Kept here: the original does not change; equal policies make equal digests; memory that was never touched takes none.
Left out: devices and drivers (app.guest.guest forks them).
"""

from app.errors import InvalidValue, StateError
from app.mm.cma_area import require_cma_alignment
from app.mm.kernels import fork
from app.mm.node import Node
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.switches import Accounting, MergeRule
from app.trace.sink import Sink

# How clean the free lists of a policy are: anything may be together; types that fall back to each other; equal ones.
_MIXED, _COMPATIBLE, _OWN = range(3)


def fork_node(node: Node, policy: KernelPolicy | None = None, *, sink: Sink | None = None) -> Node:
    """Returns a copy of a node at rest, which `policy` (None: the node's own) rules from now on.

    Where the lists of the new policy are cleaner, free blocks over types that may not be together are cut, blocks on
    a list that may not hold them go to their own, and the free counters are recounted.
    Raises InvalidValue for a policy that cannot be, StateError in the middle of an operation, and when the policy
    could not have a CMA area that there is. Linear in runs.
    """
    policy = node.policy if policy is None else policy
    _require_rest(node)
    copy = Node(
        node.geometry,
        policy,
        nr_pages=node.nr_pages,
        nr_numa_nodes=node.nr_numa_nodes,
        min_free=node.min_free,
        sink=sink,
    )
    mine, its = node.arrays, copy.arrays
    its.block_type[:] = mine.block_type
    its.block_zone[:] = mine.block_zone
    its.nr_free[:] = mine.nr_free
    its.stat[:] = mine.stat
    fork.copy_pages(mine, its)
    copy.memory_blocks = node.memory_blocks.fork()
    copy.hotplug_rules = node.hotplug_rules
    copy.memmaps = {block_id: list(pfns) for block_id, pfns in node.memmaps.items()}
    copy.memmap_since_ns = dict(node.memmap_since_ns)
    copy.pcp_pfns = node.pcp_pfns.copy()
    copy.nr_dropped = node.nr_dropped
    _copy_areas(node, copy)
    _settle(node, copy)
    return copy


def _require_rest(node: Node) -> None:
    nr_isolated = sum(zone.nr_isolate for zone in node.zones)
    if nr_isolated or node.locks:
        held = ", ".join(sorted(node.locks)) or "no lock"
        raise StateError(
            f"{nr_isolated} pageblocks are isolated and {held} is held: a fork is made between two operations"
        )


def _copy_areas(node: Node, copy: Node) -> None:
    size = node.geometry.page_size
    for area in node.cma_areas.values():
        try:
            require_cma_alignment(
                node.geometry,
                copy.policy,
                base=area.start_pfn * size,
                size=area.nr_pages * size,
                order_per_bit=area.order_per_bit,
            )
        except InvalidValue as error:
            raise StateError(f"CMA area {area.name} could not be declared there: {error.detail}") from None
        copy.cma_areas[area.name] = area.copy()


def _settle(node: Node, copy: Node) -> None:
    """Makes the copy what its policy can have: lists, counters, watermarks."""
    wanted = _cleanness(copy.policy)
    if wanted > _cleanness(node.policy):
        fork.list_anew(node.arrays, copy.arrays, int(wanted == _OWN))
        fork.count_reserved(copy.arrays)
    if copy.policy.movable_shares_min_free != node.policy.movable_shares_min_free:
        copy.recompute_watermarks()


def _cleanness(policy: KernelPolicy) -> int:
    """Returns how clean the free lists are that the policy relies on (INV-4)."""
    if policy.accounting is Accounting.LIST:
        return _OWN
    return _COMPATIBLE if policy.merge_rule is MergeRule.FALLBACK_TYPES else _MIXED
