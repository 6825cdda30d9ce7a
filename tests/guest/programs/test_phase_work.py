"""The work of phases: amounts are exact over their whole time, however it is cut into steps."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.guest.programs.page_supply import Supply
from app.guest.programs.phase_json import parse_script
from app.guest.programs.phase_work import Job, PhaseWork, together
from app.guest.programs.phases import NS_PER_S
from app.mm.page import PageKind
from app.units import KIB, MIB
from tests.guest.programs.small import Supplied, small_guest, surroundings_of

PAGE = 128 * KIB


def begun(on: Supplied, phase: dict[str, object]) -> tuple[PhaseWork, Job]:
    """Returns a phase that has begun on a guest, and who does its work."""
    work = PhaseWork(surroundings_of(on.guest), supply=on.supply, frees=on.frees)
    job = Job(0, parse_script([phase]).phases[0], is_foreground=True, due_ns=0)
    work.begin(job)
    return work, job


def do(work: PhaseWork, job: Job, seconds: float) -> Supply:
    """Lets the phase work for so long in one step."""
    job.step_ns = round(seconds * NS_PER_S)
    job.elapsed_ns += job.step_ns
    return work.step(job)


def test_grow_is_even_over_its_time() -> None:
    """100 pages in 10 s: 25 after 2.5 s, all at the end; none is lost between steps."""
    on = Supplied(small_guest())
    work, job = begun(on, {"do": "grow", "label": "web", "by": 100 * PAGE, "seconds": 10})
    do(work, job, 2.5)
    assert on.pages() == {"web": 25}
    do(work, job, 7.5)
    assert on.pages() == {"web": 100}
    assert job.is_over


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.integers(1, 900), min_size=1, max_size=20), nr_pages=st.integers(0, 300))
def test_grow_then_release_meets_its_amount(steps: list[int], nr_pages: int) -> None:
    """Whatever the steps, at the end of its time a growth has its pages, and a release leaves its part."""
    on = Supplied(small_guest())
    seconds = sum(steps) / 1000
    for phase, expected in (
        ({"do": "grow", "label": "x", "by": nr_pages * PAGE + 1, "seconds": seconds}, nr_pages),
        ({"do": "release", "label": "x", "fraction": 0.5, "seconds": seconds}, nr_pages - nr_pages // 2),
    ):
        work, job = begun(on, phase)
        for step in steps:
            do(work, job, step / 1000)
        assert on.pages().get("x", 0) == expected


def test_grow_to_a_size_counts_what_is_there() -> None:
    """To 100 pages, of which 30 are there: 70; with 10 a second, 7 s."""
    on = Supplied(small_guest())
    on.open("web", nr_pages=30)
    _, job = begun(on, {"do": "grow", "label": "web", "to": 100 * PAGE, "rate": 10 * PAGE})
    assert (job.targets[0].nr_runs, job.duration_ns) == (70, 7 * NS_PER_S)
    _, job = begun(on, {"do": "grow", "label": "web", "to": 10 * PAGE, "seconds": 5})
    assert job.targets[0].nr_runs == 0


def test_leak_takes_its_rate() -> None:
    """Half a page a second: three pages in seven seconds, whatever the steps."""
    on = Supplied(small_guest())
    work, job = begun(on, {"do": "leak", "label": "leaky", "rate": PAGE // 2, "kind": "slab"})
    for seconds in (1, 1, 0.5, 4.5):
        do(work, job, seconds)
    assert on.pages() == {"leaky": 3}
    assert not job.is_over
    assert next(iter(on.table)).kind is PageKind.UNMOVABLE


def test_huge_pages_that_are_not_there_come_as_small_ones() -> None:
    """Free memory in single pages between used ones: the program gets its amount, in pages that are not huge."""
    on = Supplied(small_guest())
    on.open("heap", nr_pages=470)
    pins = on.guest.node.owned_pfns(1)
    on.guest.node.free_runs(pins[::4])
    on.table.debit(1, len(pins[::4]))
    work, job = begun(on, {"do": "grow", "label": "huge", "kind": "thp", "by": 10 * MIB, "seconds": 0})
    do(work, job, 0)
    rows = [row for row in on.table if row.label == "huge" and row.nr_pages]
    assert sum(row.nr_pages for row in rows) == 80
    assert PageKind.ANON in {row.kind for row in rows}


def test_churn_keeps_amounts_and_moves_pages() -> None:
    """A tenth a second of 100 and of 50 pages for 20 s: as many as before, mostly elsewhere."""
    on = Supplied(small_guest())
    heap = on.open("heap", nr_pages=100)
    on.open("cache", PageKind.FILE_CLEAN, 50)
    before = set(on.guest.node.owned_pfns(heap.id).tolist())
    work, job = begun(on, {"do": "churn", "labels": ["heap", "cache"], "fraction": 0.1, "seconds": 20})
    for _ in range(20):
        do(work, job, 1)
    assert on.pages() == {"heap": 100, "cache": 50}
    assert len(before - set(on.guest.node.owned_pfns(heap.id).tolist())) > 20


def test_churn_comes_back_at_its_pace() -> None:
    """What reclaim took of 100 pages, a churn of a tenth takes back, ten pages a second and no more."""
    on = Supplied(small_guest())
    row = on.open("cache", PageKind.FILE_CLEAN, 100)
    work, job = begun(on, {"do": "churn", "labels": ["cache"], "fraction": 0.1})
    on.frees.free(row, 80)
    do(work, job, 1)
    assert on.pages() == {"cache": 20 - 2 + 10}
    for _ in range(60):
        do(work, job, 1)
    assert on.pages() == {"cache": 100}


def test_release_shares_out_over_a_labels_kinds() -> None:
    """30 pages of 40 small and 80 huge ones: 10 and 20, the huge in whole runs."""
    on = Supplied(small_guest())
    on.open("web", nr_pages=40)
    on.open("web", PageKind.THP, 80, order=3)
    work, job = begun(on, {"do": "release", "label": "web", "size": 30 * PAGE})
    do(work, job, 0)
    assert [row.nr_pages for row in on.table] == [30, 64]


@pytest.mark.parametrize("do_what", ["churn", "release"])
def test_nobody_to_work_on_is_over_at_once(do_what: str) -> None:
    """A label whose process is gone: there is nothing to churn or to release."""
    on = Supplied(small_guest())
    members: dict[str, object] = {"labels": ["x"]} if do_what == "churn" else {"label": "x"}
    _, job = begun(on, {"do": do_what, "fraction": 0.5, "seconds": 9, **members})
    assert job.is_over


def test_together_adds_up() -> None:
    """Two requests: sums, all the killed, the first panic; a job's copy has targets of its own."""
    first, second = Supply(1, 2, 3, ("a",)), Supply(10, 20, 30, ("b",), "dead")
    assert together(first, second) == Supply(11, 22, 33, ("a", "b"), "dead")
    on = Supplied(small_guest())
    _, job = begun(on, {"do": "leak", "label": "x", "rate": 1})
    copy = job.fork()
    copy.targets[0].done = 5
    assert job.targets[0].done == 0
