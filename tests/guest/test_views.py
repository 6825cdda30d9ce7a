"""Views: zones, memory blocks, pageblocks and the map, as the outside world reads them."""

from app.guest import views
from app.guest.allocations import AllocationSpec
from app.guest.spec import DeviceSpec
from app.mm.outcome import CmaOutcome, ContigOutcome, Errno, Obstacle
from app.mm.page import PageKind
from app.units import GIB, MIB
from tests.guest.making import FIRST_DEVICE_PFN, x86_guest


def test_zones_without_memory_are_left_out() -> None:
    """A small guest with nothing plugged has zone DMA32 only; sizes are bytes."""
    guest = x86_guest()
    (boot,) = views.describe_zones(guest.node)
    assert (boot["name"], boot["present"], boot["managed"]) == ("DMA32", GIB, GIB - 16 * MIB)
    guest.plug("vm0", 128 * MIB)
    assert [zone["name"] for zone in views.describe_zones(guest.node)] == ["DMA32", "Movable"]


def test_memory_blocks_tell_state_zone_and_device() -> None:
    """Boot memory belongs to no device; what is plugged does; what is absent is left out."""
    guest = x86_guest(devices=(DeviceSpec(size=GIB), DeviceSpec(size=GIB, id="other")))
    guest.plug("other", 128 * MIB)
    shown = guest.memory_blocks()
    assert shown["memory_block_size"] == 128 * MIB
    rows = shown["memory_blocks"]
    assert isinstance(rows, list)
    assert len(rows) == 9
    assert rows[0] == {"id": 0, "start_pfn": 0, "state": "online", "zone": "DMA32", "node": 0, "device": None}
    assert rows[8] == {
        "id": 40,
        "start_pfn": FIRST_DEVICE_PFN + GIB // 4096,
        "state": "online",
        "zone": "Movable",
        "node": 0,
        "device": "other",
    }


def test_pageblocks_are_runs_of_equal_ones() -> None:
    """One used page splits a run; its pageblock tells what it holds."""
    guest = x86_guest()
    guest.plug("vm0", 128 * MIB)
    guest.pages.allocate(AllocationSpec(kind="anon", at_pfns=(FIRST_DEVICE_PFN + 512 * 10,)))
    shown = guest.pageblocks()
    assert shown["pageblock_nr_pages"] == 512
    runs = shown["runs"]
    assert isinstance(runs, list)
    assert runs[-3:] == [
        _run(2048, 10, {"free": 512}),
        _run(2058, 1, {"free": 511, "anon": 1}),
        _run(2059, 53, {"free": 512}),
    ]


def _run(start: int, count: int, pages: dict[str, int]) -> dict[str, object]:
    return {
        "start_pageblock": start,
        "nr_pageblocks": count,
        "migratetype": "movable",
        "zone": "Movable",
        "node": 0,
        "pages": pages,
    }


def test_map_shows_dominant_kind_of_each_pageblock() -> None:
    """From pfn 0 to the end of the last device; nothing where no memory is online."""
    guest = x86_guest()
    guest.plug("vm0", 126 * MIB)
    guest.pages.allocate(AllocationSpec(kind="thp", at_pfns=(FIRST_DEVICE_PFN,)))
    shown = guest.map_rows()
    assert shown.pageblocks_per_memory_block == 64
    assert len(shown.kinds) == 5 * GIB // (2 * MIB)
    kinds = [PageKind(int(kind)) for kind in shown.kinds[2047:2113]]
    assert kinds[:2] == [PageKind.NONE, PageKind.THP]
    assert kinds[2:64] == [PageKind.FREE] * 62
    assert kinds[64:] == [PageKind.OFFLINE, PageKind.NONE]


def test_contig_outcome_has_step_and_obstacle_or_null() -> None:
    """Success has neither; a failure names the kernel's step and the page."""
    assert views.describe_contig(ContigOutcome(Errno.OK, nr_migrated=3)) == {
        "result": "0",
        "step": None,
        "obstacle": None,
        "migrated_pages": 3,
    }
    failed = ContigOutcome(Errno.EBUSY, "test", Obstacle(5, PageKind.RECLAIMABLE))
    assert views.describe_contig(failed)["obstacle"] == {"pfn": 5, "kind": "reclaimable"}


def test_old_driver_counts_blocks_without_zones() -> None:
    """A driver of 5.10 knows no zones: its online blocks are counted as such, and all members are there."""
    guest = x86_guest(policy="linux-5.10", devices=(DeviceSpec(size=GIB, requested_size=256 * MIB),))
    blocks = guest.describe_device("vm0")["blocks"]
    assert isinstance(blocks, dict)
    assert blocks["online"] == 2
    assert blocks["movable"] == 0
    assert blocks.keys() == x86_guest().describe_device("vm0")["blocks"].keys()  # type: ignore[attr-defined]  # a dict


def test_cma_outcome_tells_place_calls_and_the_last_obstacle() -> None:
    """C-9: what was migrated adds up over all calls; without a call there is no step."""
    busy = ContigOutcome(Errno.EBUSY, "test", Obstacle(5, PageKind.PINNED), nr_migrated=3)
    done = views.describe_cma(CmaOutcome(Errno.OK, 8, (busy, ContigOutcome(Errno.OK, nr_migrated=4))), 16)
    assert done == {
        "result": "0",
        "pfn": 8,
        "nr_pages": 16,
        "calls": 2,
        "step": None,
        "obstacle": None,
        "migrated_pages": 7,
    }
    failed = views.describe_cma(CmaOutcome(Errno.EBUSY, -1, (busy,)), 16)
    assert (failed["pfn"], failed["step"], failed["obstacle"]) == (
        None,
        "test",
        {"pfn": 5, "kind": "pinned"},
    )
    assert views.describe_cma(CmaOutcome(Errno.ENOMEM), 16)["calls"] == 0
