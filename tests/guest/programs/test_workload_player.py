"""Playing a script: phases in order, beside each other and again; killed processes end or start anew."""

import pytest

from app.guest.guest import Guest
from app.guest.programs.phase_json import parse_script
from app.units import GIB, KIB, MIB
from tests.guest.making import x86_guest
from tests.guest.programs.small import MIN, NR_MANAGED, small_guest

PAGE = 128 * KIB
HOLD = {"do": "hold", "seconds": 2}


def play(*phases: dict[str, object], guest: Guest | None = None, **options: object) -> Guest:
    """Returns a small guest on which these phases play."""
    guest = small_guest() if guest is None else guest
    guest.start_workload(parse_script({"phases": list(phases), **options}, field=""))
    return guest


def grow(label: str, nr_pages: int, seconds: float, **members: object) -> dict[str, object]:
    """Returns a phase that grows."""
    return {"do": "grow", "label": label, "by": nr_pages * PAGE, "seconds": seconds, **members}


def pages(guest: Guest) -> dict[str, int]:
    """Returns the pages of each label that has some."""
    return {row.label: row.nr_pages for row in guest.pages.allocations if row.nr_pages}


def progress(guest: Guest) -> list[object]:
    """Returns the states of the phases."""
    rows = guest.programs.describe()["progress"]
    assert isinstance(rows, list)
    return [row["state"] for row in rows]


def test_phases_follow_each_other() -> None:
    """Grow 2 s, hold 2 s, release at once: seen at each second."""
    guest = play(grow("a", 10, 2), HOLD, {"do": "release", "label": "a", "fraction": 0.5})
    seen = []
    for _ in range(5):
        guest.advance(1_000_000)
        seen.append((pages(guest)["a"], progress(guest)))
    assert seen == [
        (5, ["running", "waiting", "waiting"]),
        (10, ["done", "running", "waiting"]),
        (10, ["done", "running", "waiting"]),
        (5, ["done", "done", "done"]),
        (5, ["done", "done", "done"]),
    ]
    assert guest.programs.describe()["state"] == "over"


def test_background_phases_run_beside_the_others() -> None:
    """A leak of a page a second beside a growth; the script goes on meanwhile."""
    leak = {"do": "leak", "label": "leak", "rate": PAGE, "background": True}
    guest = play(leak, grow("a", 10, 5))
    guest.advance(5_000_000)
    assert pages(guest) == {"leak": 5, "a": 10}
    guest.advance(5_000_000)
    assert pages(guest) == {"leak": 10, "a": 10}
    assert progress(guest) == ["running", "done"]


def test_script_repeats_and_takes_time_even_without_phases_that_do() -> None:
    """Grow and release at once, again and again: one of them each tick, never two rounds at one moment."""
    guest = play(grow("a", 4, 0), {"do": "release", "label": "a", "fraction": 1}, repeat=True, tick_ms=500)
    guest.advance(10_000_000)
    assert guest.programs.describe()["rounds"] in range(9, 21)


def test_background_phase_of_a_round_is_not_begun_twice() -> None:
    """An endless leak in a script that repeats leaks once."""
    leak = {"do": "leak", "label": "leak", "rate": PAGE, "background": True}
    guest = play(leak, {"do": "hold", "seconds": 1}, repeat=True)
    guest.advance(10_000_000)
    assert pages(guest) == {"leak": 10}


def test_killed_process_ends_its_phase_unless_it_restarts() -> None:
    """A leak of 100 pages a second eats 480 pages in 5 s; then it is gone, or begins anew."""
    for restarts, expected in ((False, {}), (True, {"leak": 400})):
        guest = play({"do": "leak", "label": "leak", "rate": 100 * PAGE, "restart": restarts})
        guest.advance(4_000_000)
        assert pages(guest) == {"leak": 400}
        guest.advance(1_000_000)
        assert pages(guest) == {}
        guest.advance(4_000_000 + 1_000)
        assert pages(guest) == expected
        assert progress(guest) == ["running" if restarts else "killed"]


def test_victim_that_had_finished_growing_starts_again_if_it_says_so() -> None:
    """The web server dies for somebody's kernel memory, and is started again by its phase."""
    slab = {"do": "grow", "label": "slab", "kind": "slab", "by": 100 * PAGE, "seconds": 1}
    for restarts in (False, True):
        guest = play(grow("web", 420, 1, restart=restarts), slab, HOLD)
        guest.advance(2_000_000)
        assert pages(guest) == {"slab": 100}
        # The second time the web server itself finds no room any more, and dies for that.
        guest.advance(500_000)
        assert progress(guest) == ["running" if restarts else "done", "done", "running"]


def test_guest_dies_when_the_kernel_takes_all() -> None:
    """Nobody to kill: the guest is crashed, its workload stands still, and a reboot starts it anew."""
    guest = play({"do": "leak", "label": "slab", "kind": "slab", "rate": 200 * PAGE})
    guest.advance(10_000_000)
    assert guest.condition.is_crashed
    assert guest.condition.reason == "Out of memory and no killable processes"
    assert pages(guest) == {"slab": NR_MANAGED - MIN}
    assert guest.verify() == []


def test_waiting_for_memory_costs_time() -> None:
    """Dirty page cache must be written back: who grows over it is late by that, and still gets all."""
    dirty = {"do": "grow", "label": "cache", "kind": "file_dirty", "by": 400 * PAGE, "seconds": 0}
    guest = play(dirty, grow("web", 300, 0), HOLD)
    guest.pace.slowness = 1000.0
    guest.run_until(1)
    assert pages(guest)["web"] == 300
    guest.run_until(2_000_000_000)
    assert progress(guest) == ["done", "done", "running"]
    guest.run_until(4_000_000_000)
    assert progress(guest) == ["done", "done", "done"]
    guest.programs.signals.pressure.count(guest.clock.now_ns)
    assert guest.programs.signals.pressure.full.total_ns > 900_000_000


SCRIPT = (
    {"do": "grow", "label": "cache", "kind": "file", "by": "500MiB", "seconds": 20},
    {"do": "leak", "label": "leak", "rate": "10MiB", "background": True, "restart": True},
    {"do": "grow", "label": "web", "kind": "thp", "by": "300MiB", "seconds": 10, "restart": True},
    {"do": "churn", "labels": ["cache", "web"], "fraction": 0.03, "seconds": 60},
    {"do": "release", "label": "web", "fraction": 0.4, "seconds": 5},
)


@pytest.mark.parametrize("slice_us", [1_000_000, 777_777, 13_000_001])
def test_future_does_not_depend_on_slices(slice_us: int) -> None:
    """Two minutes at once, or in slices: equal states and equal events, with reclaim and kills on the way."""
    at_once, sliced = (play(*SCRIPT, guest=x86_guest(boot_size=GIB), repeat=True) for _ in range(2))
    end_ns = 180_000_000_000
    at_once.run_until(end_ns)
    while sliced.clock.now_ns < end_ns:
        sliced.run_until(min(sliced.clock.now_ns + slice_us * 1000, end_ns))
    assert at_once.programs.signals.counters.oom_kill > 0
    assert at_once.event_digest() == sliced.event_digest()
    assert at_once.digest() == sliced.digest()
    assert at_once.verify() == []


def test_seeds_make_different_futures() -> None:
    """Another seed frees other pages; a guest of the same seed does the same."""
    digests = []
    for seed in (1, 1, 2):
        guest = play(*SCRIPT, guest=x86_guest(boot_size=GIB), seed=seed)
        guest.run_until(60_000_000_000)
        digests.append(guest.pages.allocations.last_id and guest.node.owned_pfns(1).tobytes())
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("fork_at_s", [0, 33, 101])
def test_forks_future_equals_the_originals(fork_at_s: int) -> None:
    """A copy made in the middle goes on as the original does, and neither disturbs the other."""
    guest = play(*SCRIPT, guest=x86_guest(boot_size=GIB), repeat=True)
    guest.run_until(fork_at_s * 1_000_000_000)
    copy = guest.fork()
    assert copy.digest() == guest.digest()
    guest.run_until(150_000_000_000)
    copy.run_until(150_000_000_000)
    assert copy.digest() == guest.digest()


def test_memory_that_comes_back_lets_the_workload_go_on() -> None:
    """Cache is reclaimed, then a process dies; with 1 GiB more plugged, the same leak lives on."""
    leak = {"do": "leak", "label": "leak", "rate": "20MiB", "restart": True}
    cache = {"do": "grow", "label": "cache", "kind": "file", "by": "600MiB", "seconds": 10}
    guest = play(cache, leak, guest=x86_guest(boot_size=GIB))
    guest.advance(70_000_000)
    counters = guest.programs.signals.counters
    assert counters.pgsteal_kswapd * 4096 > 400 * MIB
    assert counters.oom_kill == 1
    guest.plug("vm0", GIB)
    guest.advance(70_000_000)
    assert counters.oom_kill == 1
    assert pages(guest)["leak"] * 4096 > 1200 * MIB
    assert guest.verify() == []
