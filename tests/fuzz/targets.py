"""What the fuzz looks for: policies that break nothing at rest, and laws that others break as the thread predicts.

Left out: how long it looks (__main__).
"""

from collections.abc import Callable
from typing import NamedTuple

from hypothesis import HealthCheck, given, seed, settings

from tests.fuzz.drawing import Drawn, Plan, scenarios
from tests.fuzz.plays import Played, play, write

# Up to 6.16 a pageblock comes back as the caller's type, and a reserve that was isolated stays counted (I-10): INV-14
# is no strict law there, and without HIGHATOMIC pageblocks INV-12 is kept. The chunks of two pageblocks that are drawn
# hide what chunks of four do (4.4: undoing takes a free page whole).
CLEAN = {
    "linux-5.19": Plan("linux-5.19", "MURC", skips_cut=True),
    "linux-6.10": Plan("linux-6.10", "MURC"),
    "linux-6.12": Plan("linux-6.12", "MURC"),
    "linux-6.17": Plan("linux-6.17", goes_offline=False),
    "remedy-full": Plan("remedy-full", goes_offline=False),
}
_RFC_V1 = Plan("rfc-v1")
_NO_GUARD = Plan("no-guard", has_whole_areas=True)


class Target(NamedTuple):
    """A law that a policy breaks: when all has ended, or in the middle only."""

    plan: Plan
    law: str
    is_midway: bool = False
    # What the name says besides.
    how: str = ""

    @property
    def name(self) -> str:
        """Names it and the file of its minimal example."""
        return "-".join(filter(None, (self.plan.policy, self.law, self.how)))

    def is_hit(self, played: Played) -> bool:
        """Returns whether a play breaks the law."""
        return self.law in (frozenset().union(*played.midway) if self.is_midway else played.at_rest)


TARGETS = (
    # S04, S05, S08, S09, S01, S23, S25, S26
    Target(_RFC_V1, "INV-4"),
    Target(_RFC_V1, "INV-6"),
    Target(_RFC_V1, "INV-8"),
    Target(Plan("rfc-v1", "M"), "INV-8", how="race"),
    Target(_RFC_V1, "INV-9"),
    Target(_RFC_V1, "INV-10", is_midway=True, how="midway"),
    Target(_RFC_V1, "INV-12"),
    Target(_RFC_V1, "INV-14"),
    Target(_RFC_V1, "INV-15"),
    Target(_RFC_V1, "INV-16"),
    # S24
    Target(_NO_GUARD, "INV-8"),
    Target(_NO_GUARD, "INV-9"),
    Target(_NO_GUARD, "INV-10", is_midway=True, how="midway"),
    # I-9a: somebody acts between isolating an edge and cutting the free page over it.
    Target(Plan("linux-5.19", "M"), "INV-8", how="race-before-cut"),
)


class Found(Exception):
    """A scenario that somebody looked for."""

    def __init__(self, drawn: Drawn, played: Played) -> None:
        """Holds it, and what came of it."""
        super().__init__(drawn.pages)
        self.drawn = drawn
        self.played = played


def search(
    plan: Plan, is_wanted: Callable[[Played], bool], *, number: int, most: int, law: str = ""
) -> str | None:
    """Draws up to `most` scenarios, and returns the smallest that is wanted as a scenario file; None when none is."""

    @seed(number)
    @settings(
        max_examples=most,
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(scenarios(plan))
    def look(drawn: Drawn) -> None:
        played = play(drawn, plan)
        if is_wanted(played):
            raise Found(drawn, played)

    try:
        look()
    except Found as found:
        return write(found.drawn, plan, found.played, law)
    return None


def is_unclean(played: Played) -> bool:
    """Returns whether a strict law is broken at rest, or the simulator is wrong."""
    return bool(played.at_rest - {"INV-14"} or played.failures)


def is_unclean_with_types_kept(played: Played) -> bool:
    """As is_unclean, from 6.17: no type may be lost either."""
    return bool(played.at_rest or played.failures)


def find_unclean(policy: str, *, number: int, most: int) -> str | None:
    """Returns a scenario in which a clean policy breaks what it must keep."""
    is_wanted = is_unclean_with_types_kept if policy == "linux-6.17" else is_unclean
    return search(CLEAN[policy], is_wanted, number=number, most=most)


def find_target(target: Target, *, number: int, most: int) -> str | None:
    """Returns the smallest scenario that was found to break a target's law."""
    return search(
        target.plan, target.is_hit, number=number, most=most, law=target.law if target.is_midway else ""
    )
