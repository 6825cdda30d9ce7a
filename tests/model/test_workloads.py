"""Random scripts on small guests, plugs, unplugs and forks in between: no law breaks, and books agree with pages."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.guest.guest import Guest
from app.guest.programs.phase_json import parse_script
from app.guest.spec import DeviceSpec
from app.units import KIB, MIB
from tests.guest.making import toy_guest

PAGE = 128 * KIB
LABELS = ("a", "b", "c")
KINDS = ("anon", "file", "file_dirty", "thp", "slab", "reclaimable", "unmovable_pages", "pinned", "hugetlb")

SECONDS = st.sampled_from([0, 0.3, 1, 2.5, 7])
LABEL = st.sampled_from(LABELS)
OPTIONS = st.fixed_dictionaries({"background": st.booleans(), "restart": st.booleans()})


def _phase(do: str, **members: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries({"do": st.just(do), **members})


GROW = _phase(
    "grow", label=LABEL, kind=st.sampled_from(KINDS), by=st.integers(1, 700 * PAGE), seconds=SECONDS
)
LEAK = _phase(
    "leak",
    label=LABEL,
    kind=st.sampled_from(KINDS),
    rate=st.integers(1, 90 * PAGE),
    seconds=st.sampled_from([1, 4, 9]),
)
RELEASE = _phase("release", label=LABEL, fraction=st.sampled_from([0.1, 0.5, 1]), seconds=SECONDS)
CHURN = _phase(
    "churn",
    labels=st.lists(LABEL, min_size=1, max_size=3),
    fraction=st.sampled_from([0.05, 0.5, 1]),
    seconds=SECONDS,
)
HOLD = _phase("hold", seconds=SECONDS)


@st.composite
def scripts(draw: st.DrawFn) -> dict[str, object]:
    """Draws a script whose labels are there."""
    phases: list[dict[str, object]] = [
        {"do": "grow", "label": label, "by": PAGE, "seconds": 0} for label in LABELS
    ]
    for _ in range(draw(st.integers(1, 6))):
        phase = draw(st.one_of(GROW, LEAK, RELEASE, CHURN, HOLD))
        if phase["do"] in {"grow", "leak", "churn"}:
            phase = {**phase, **draw(OPTIONS)}
        phases.append(phase)
    return {"phases": phases, "repeat": draw(st.booleans()), "tick_ms": draw(st.sampled_from([300, 1000]))}


def check_books(guest: Guest) -> None:
    """Asserts that the guest is sound, and that each allocation's pages are as many as its row says."""
    assert guest.verify() == []
    for row in guest.pages.allocations:
        if row.order <= guest.geometry.max_order:
            assert len(guest.node.owned_pfns(row.id)) << row.order == row.nr_pages


@settings(max_examples=60, deadline=None)
@given(
    script=scripts(),
    policy=st.sampled_from(["linux-5.15", "linux-5.19", "linux-6.17"]),
    targets=st.lists(st.sampled_from([0, 16, 64]), max_size=3),
    seed=st.integers(0, 1000),
)
def test_random_scripts_break_no_law_and_fork_alike(
    script: dict[str, object], policy: str, targets: list[int], seed: int
) -> None:
    """Whatever plays, whatever is plugged meanwhile: sound throughout, and a copy has the original's future."""
    guest = toy_guest(policy=policy, seed=seed, devices=(DeviceSpec(size=64 * MIB),))
    guest.start_workload(parse_script(script, field=""))
    for target in [*targets, None]:
        guest.run_until(guest.clock.now_ns + 5_000_000_000)
        check_books(guest)
        if target is not None and not guest.condition.is_crashed:
            guest.resize("vm0", target * MIB)
            check_books(guest)
    copy = guest.fork()
    end_ns = guest.clock.now_ns + 10_000_000_000
    guest.run_until(end_ns)
    copy.run_until(end_ns)
    assert copy.digest() == guest.digest()
    check_books(guest)
