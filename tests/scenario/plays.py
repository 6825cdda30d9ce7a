"""Small plays for tests: a picture, actors with one or more acts each, nobody's expectations.

Left out: scenarios from files (tests/model/test_scenarios.py plays them all).
"""

from app.mm.page import PageKind
from app.mm.policies.policy_text import parse_policy
from app.scenario.playing import Play
from app.scenario.script import (
    EVERY_INTERLEAVING,
    Act,
    Actor,
    Allocate,
    Case,
    GuestStart,
    PictureStart,
    PolicyExpectation,
    Turn,
)
from app.scenario.stage import make_stage
from app.units import GIB, MIB

ONE_PAGE = Allocate(PageKind.ANON)
GUEST = GuestStart("x86-64", boot_size=GIB, device_size=128 * MIB, requested_size=128 * MIB)


def make_play(
    picture: str | PictureStart | GuestStart, *acts: Act | tuple[Act, ...], policy: str = "linux-5.19"
) -> Play:
    """Returns a play of the actors A, B, C ...; each does one act, or several in turn."""
    start = PictureStart(picture) if isinstance(picture, str) else picture
    return Play(make_stage(start, parse_policy(policy)), actors_of(*acts))


def actors_of(*acts: Act | tuple[Act, ...]) -> tuple[Actor, ...]:
    """Returns the actors A, B, C ... who do these acts."""
    return tuple(
        Actor(name, (act,) if isinstance(act, Act) else act)
        for name, act in zip("ABCDEFGH", acts, strict=False)
    )


def make_case(
    picture: str | PictureStart | GuestStart,
    *acts: Act | tuple[Act, ...],
    schedule: str = EVERY_INTERLEAVING,
    expect: tuple[PolicyExpectation, ...] = (),
) -> Case:
    """Returns a case without a name; schedule: turns as a file writes them."""
    start = PictureStart(picture) if isinstance(picture, str) else picture
    return Case("", start, actors_of(*acts), turns_of(schedule), expect)


def turns_of(schedule: str) -> tuple[Turn, ...] | str:
    """Returns turns such as "A:isolate B*2 A:end"."""
    if schedule == EVERY_INTERLEAVING:
        return schedule
    turns = []
    for word in schedule.split():
        actor, _, point = word.partition(":")
        name, _, times = actor.partition("*")
        turns.append(Turn(name, point, int(times or 1)))
    return tuple(turns)
