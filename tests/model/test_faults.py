"""Random rules and random acts on a small guest: no law is ever broken, and the same again gives the same.

Left out: what each kind does (tests/guest/faults).
"""

from collections.abc import Callable
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import CallerError, StateError
from app.guest.allocations import AllocationSpec
from app.guest.boot import RebootKind
from app.guest.driver_module import ModuleParameters, load_driver, unload_driver
from app.guest.faults.kinds import AT_CONTIG, KINDS, FaultKind
from app.guest.faults.rules_json import REQUESTS, read_rule
from app.guest.guest import Guest
from app.mm.checks.laws import Weight
from app.units import MIB
from tests.guest.making import toy_guest

SECOND_US = 1_000_000
Act = Callable[[Guest], object]

_TIMES = st.sampled_from([0, 1, 200, 10_000, SECOND_US, 70 * SECOND_US])
_MEMBERS: dict[str, st.SearchStrategy[object]] = {
    "probability": st.sampled_from([0.1, 0.5, 1.0]),
    "count": st.sampled_from([None, 1, 3]),
    "skip": st.integers(0, 5),
    "seed": st.integers(0, 99),
    "delay_us": _TIMES,
    "after_us": _TIMES,
    "duration_us": st.sampled_from([None, 1, SECOND_US, 70 * SECOND_US]),
    "fraction": st.sampled_from([0.01, 0.3, 1.0]),
    "factor": st.sampled_from([0.5, 3, 1000]),
    "reason": st.just("kernel panic"),
    "reboot_after_us": st.sampled_from([0, 10, SECOND_US]),
}


@st.composite
def _rules(draw: st.DrawFn) -> dict[str, object]:
    kind = draw(st.sampled_from(FaultKind))
    row = KINDS[kind]
    rule: dict[str, object] = {"kind": str(kind)}
    match: dict[str, object] = {}
    if "request" in row.match and draw(st.booleans()):
        match["request"] = draw(st.sampled_from(REQUESTS))
    if kind in AT_CONTIG and draw(st.booleans()):
        match["level"] = draw(st.sampled_from(["memory_block", "chunk", "pageblock"]))
    if match:
        rule["match"] = match
    for name in row.members:
        if name in row.required or draw(st.booleans()):
            rule[name] = draw(_MEMBERS[name])
    return rule


def _add_fault(rule: dict[str, object], guest: Guest) -> None:
    guest.faults.add(read_rule(rule))


def _remove_fault(number: int, guest: Guest) -> None:
    guest.faults.remove(number)


def _resize(size: int, guest: Guest) -> None:
    guest.begin_resize("vm0", size)


def _advance(duration_us: int, guest: Guest) -> None:
    guest.run_until(guest.clock.now_ns + duration_us * 1000)


def _allocate(kind: str, nr_pages: int, guest: Guest) -> None:
    guest.pages.allocate(AllocationSpec(kind=kind, nr_pages=nr_pages))


def _free(allocation: int, fraction: float, guest: Guest) -> None:
    guest.pages.free(allocation, fraction, seed=1)


def _reboot(kind: RebootKind, guest: Guest) -> None:
    guest.reboot(kind)


def _reload(guest: Guest) -> None:
    unload_driver(guest, "vm0")
    load_driver(guest, "vm0", ModuleParameters())


_DURATIONS = st.sampled_from([1, 300, 5_000, SECOND_US, 60 * SECOND_US, 400 * SECOND_US])
# Besides a new target and time that passes.
_OTHERS: st.SearchStrategy[Act] = st.one_of(
    _rules().map(lambda rule: partial(_add_fault, rule)),
    st.integers(1, 6).map(lambda number: partial(_remove_fault, number)),
    st.tuples(st.sampled_from(["anon", "file", "slab", "pin", "thp"]), st.integers(1, 25)).map(
        lambda what: partial(_allocate, what[0], what[1] * 8)
    ),
    st.tuples(st.integers(1, 6), st.sampled_from([0.5, 1.0])).map(lambda what: partial(_free, *what)),
    st.sampled_from(RebootKind).map(lambda kind: partial(_reboot, kind)),
    st.just(_reload),
)


@st.composite
def _rounds(draw: st.DrawFn) -> list[Act]:
    """Draws a fault, something else, a target that is not near, and time."""
    target = draw(st.sampled_from([0, 8, 16, 33, 48, 64])) * MIB
    return [
        partial(_add_fault, draw(_rules())),
        draw(_OTHERS),
        partial(_resize, target),
        partial(_advance, draw(_DURATIONS)),
    ]


def _do(guest: Guest, act: Act) -> None:
    """Does an act; one that is refused is none."""
    try:
        act(guest)
    except (CallerError, StateError):
        return


def _failures(guest: Guest) -> list[dict[str, object]]:
    return [row for row in guest.verify() if row["weight"] is Weight.FAILURE]


@settings(max_examples=60, deadline=None)
@given(
    rounds=st.lists(_rounds(), min_size=2, max_size=8),
    policy=st.sampled_from(["linux-5.10", "linux-5.19", "linux-6.12", "remedy-full"]),
    online=st.sampled_from(["online_movable", "online_kernel"]),
)
def test_no_law_is_broken_whatever_goes_wrong(rounds: list[list[Act]], policy: str, online: str) -> None:
    """After each act, and an hour after the last one; a copy made in the middle has the same future, and so a twin."""
    guest = toy_guest(policy=policy, online=online, seed=5)
    start: list[Act] = [
        partial(_resize, 48 * MIB),
        partial(_advance, SECOND_US),
        partial(_allocate, "anon", 400),
    ]
    acts: list[Act] = [*start, *(act for acts in rounds for act in acts)]
    half = len(acts) // 2
    for act in acts[:half]:
        _do(guest, act)
        assert _failures(guest) == []
    guest.settle()
    if guest.progress("vm0").is_at_work:
        # It hangs between two acts: a copy would begin its work item anew.
        copy = toy_guest(policy=policy, online=online, seed=5)
        for act in acts[:half]:
            _do(copy, act)
        copy.settle()
    else:
        copy = guest.fork()
    assert copy.digest() == guest.digest()
    rest: list[Act] = [*acts[half:], partial(_advance, 3600 * SECOND_US)]
    for act in rest:
        for one in (guest, copy):
            _do(one, act)
            assert _failures(one) == []
    assert copy.digest() == guest.digest()
