"""Making every kernel ready, loaded or compiled: tiny guests go through all that a guest can do.

Kept here: after warm_up() no call on any guest compiles anything.
Left out: when to do it, and in which thread.
"""

from collections.abc import Callable

from app.guest.allocations import AllocationSpec
from app.guest.cma_plan import CmaAreaSpec
from app.guest.creation import create_guest
from app.guest.guest import Guest
from app.guest.proc_files import PROC_FILES
from app.guest.programs.phase_json import parse_script
from app.guest.spec import DeviceSpec, GuestSpec
from app.guest.workload_json import parse_workload
from app.mm.census import pageblock_runs
from app.mm.checks.invariants import verify
from app.mm.digest import node_digest
from app.mm.fork import fork_node
from app.mm.isolation import start_isolate_page_range, undo_isolate_page_range
from app.mm.kernel_cache import is_cache_empty, where_kernels_are_kept
from app.mm.outcome import Caller
from app.mm.policies.policy import POLICIES
from app.units import MIB

__all__ = ["Progress", "is_cache_empty", "warm_up", "warm_up_apart"]

# Told before the first step and after each: how many steps are done, of how many, and where kernels are kept.
Progress = Callable[[int, int, str], None]
_SEED = 1
_AREA = "dma"
_WORKLOAD = [
    {"do": "fill", "kind": "file", "fraction": 0.3},
    {"do": "mix", "fraction": 0.9, "parts": [{"kind": "anon", "weight": 6}, {"kind": "slab", "weight": 1}]},
    {"do": "free", "label": "anon", "fraction": 0.5},
    {"do": "fill", "kind": "thp", "fraction": 0.2},
    {"do": "pin", "label": "anon", "fraction": 0.01},
]


def warm_up(progress: Progress) -> None:
    """Makes the kernels ready; takes moments when they are found compiled, and some seconds when not."""
    where = where_kernels_are_kept()
    guests: list[Guest] = []

    def create() -> None:
        guests.extend(_create(policy, online) for policy, online in _KINDS_OF_GUESTS)

    steps = (create, *(_on_each(guests, step) for step in _STEPS))
    progress(0, len(steps), where)
    for number, step in enumerate(steps, start=1):
        step()
        progress(number, len(steps), where)


def warm_up_apart() -> None:
    """Makes those kernels ready that allocate nothing: a second process does that for the first."""
    node = create_guest(GuestSpec(name="apart", preset="toy", boot_size=64 * MIB)).node
    end_pfn = node.geometry.memory_block_nr_pages
    start_isolate_page_range(node, 0, end_pfn, Caller.ORDINARY)
    undo_isolate_page_range(node, 0, end_pfn, Caller.ORDINARY)
    verify(node)
    fork_node(node, POLICIES["linux-6.17"])
    node_digest(node)
    list(pageblock_runs(node))


_KINDS_OF_GUESTS = (("linux-5.15", "online_kernel"), ("linux-5.19", "online_movable"))


def _create(policy: str, online: str) -> Guest:
    spec = GuestSpec(
        name="warm-up",
        preset="toy",
        policy=policy,
        boot_size=64 * MIB,
        online=online,
        devices=(DeviceSpec(size=64 * MIB),),
        cma_areas=(CmaAreaSpec(name=_AREA, size=4 * MIB),),
    )
    return create_guest(spec)


def _on_each(guests: list[Guest], step: Callable[[Guest], None]) -> Callable[[], None]:
    def run() -> None:
        for guest in guests:
            step(guest)

    return run


def _plug(guest: Guest) -> None:
    guest.resize("vm0", 40 * MIB)


def _fill(guest: Guest) -> None:
    guest.pages.populate(parse_workload(_WORKLOAD), _SEED)


def _play(guest: Guest) -> None:
    # One page: of few, they are drawn, as on a large guest.
    guest.start_workload(parse_script([{"do": "release", "label": "anon", "size": guest.geometry.page_size}]))
    guest.advance(1)


def _unplug(guest: Guest) -> None:
    guest.resize("vm0", 9 * MIB)
    guest.resize("vm0", 20 * MIB)
    guest.resize("vm0", 0)


def _take(guest: Guest) -> None:
    row = guest.pages.allocate(AllocationSpec(kind="file", nr_pages=4))
    guest.pages.free(int(str(row["id"])), 0.5, _SEED)
    # The last memory block was plugged last, and is free as a whole.
    first = guest.node.memory_blocks.present_ids()[-1] * guest.geometry.memory_block_nr_pages
    guest.pages.alloc_contig_range(first, first + 4)
    guest.pages.free_contig_range(first, first + 4)
    guest.pages.cma_release(_AREA, int(str(guest.pages.cma_alloc(_AREA, 1)["pfn"])))
    guest.pages.allocate(AllocationSpec(kind="anon", at_pfns=(first + 1,)))


def _look(guest: Guest) -> None:
    guest.describe()
    guest.digest()
    guest.fork(policy=POLICIES["linux-6.17"])
    guest.verify()
    guest.memory_blocks()
    guest.pageblocks()
    guest.map_rows()
    for name in PROC_FILES:
        guest.proc(name)


_STEPS = (_plug, _take, _fill, _play, _unplug, _look)
