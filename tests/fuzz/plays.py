"""Playing a drawn scenario under a policy, and writing it as a scenario file with the schedule that was played.

Left out: drawing (drawing), which laws may break (targets).
"""

from typing import NamedTuple

from app.mm.checks.laws import Weight
from app.mm.policies.policy_text import parse_policy
from app.mm.sections import Point
from app.scenario.playing import Play
from app.scenario.reading.scenario import read_scenario
from app.scenario.script import EVERY_INTERLEAVING
from app.scenario.sight import Onlooker, in_order
from app.scenario.stage import make_stage
from tests.fuzz.drawing import AFTERWARDS, Drawn, Plan

_MOST_SECTIONS = 400


class Played(NamedTuple):
    """What came of it, section by section: who acted, and the laws that were broken then; at_rest: when all had ended.

    failures: what is the simulator's own fault.
    """

    order: tuple[str, ...]
    midway: tuple[frozenset[str], ...]
    at_rest: frozenset[str]
    failures: tuple[str, ...]


def play(drawn: Drawn, plan: Plan) -> Played:
    """Plays every actor to its end; the drawn numbers say whose turn it is, and after them the first goes on."""
    (case,) = read_scenario(write(drawn, plan)).cases
    stage = make_stage(case.start, parse_policy(plan.policy))
    a_play = Play(stage, case.actors)
    onlooker = Onlooker()
    midway: list[frozenset[str]] = []
    failures: list[str] = []
    order: list[str] = []
    must_go_on = ""
    turns = list(reversed(drawn.turns))
    while choices := _choices(a_play):
        assert len(order) < _MOST_SECTIONS, "acts that end"
        chosen = must_go_on if must_go_on in choices else choices[turns.pop() % len(choices) if turns else 0]
        passed = a_play.advance(chosen)
        must_go_on = chosen if plan.skips_cut and passed.point == Point.CUT else ""
        moment = onlooker.look(a_play)
        order.append(chosen)
        midway.append(frozenset(moment.findings))
        failures += [str(one) for one in moment.sight.violations if one.weight is Weight.FAILURE]
    return Played(
        order=tuple(order),
        midway=tuple(midway),
        at_rest=midway[-1],
        failures=tuple(failures),
    )


def _choices(a_play: Play) -> list[str]:
    """Returns who could go on: nobody gives back what he could not isolate."""
    players = a_play.players
    return [
        name
        for name in a_play.choices
        if not name.endswith(AFTERWARDS) or players[name.removesuffix(AFTERWARDS)].standing == "OK"
    ]


def write(drawn: Drawn, plan: Plan, played: Played | None = None, law: str = "") -> str:
    """Writes a scenario file: every order of sections, or the one that was played, with the laws that it breaks.

    law: one that is broken in the middle; the first such moment is told too.
    """
    lines = ["id: found", "title: Drawn at random, and made as small as possible", "start:"]
    lines += [f'  pages: "{drawn.pages}"', f"  types: {drawn.types}"]
    if drawn.areas:
        areas = ", ".join(f"X{number}: [{start}, {end}]" for number, (start, end) in enumerate(drawn.areas))
        lines.append(f"  areas: {{{areas}}}")
    lines.append("actors:")
    for name, acts in drawn.actors:
        lines.append(f"  {name}: [{', '.join(f'{{{act}}}' for act in acts)}]")
    schedule = " ".join(played.order) if played else EVERY_INTERLEAVING
    lines += [f"schedule: {schedule}", "expect:", f"  {plan.policy}:"]
    found = [(number, laws) for number, laws in enumerate(played.midway if played else (), 1) if law in laws]
    if found:
        number, laws = found[0]
        lines += ["    after:", f"      {number}: {_findings(laws)}"]
    lines.append(f"    {_findings(played.at_rest if played else frozenset())[1:-1]}")
    return "\n".join(lines) + "\n"


def _findings(laws: frozenset[str]) -> str:
    return f"{{findings: [{', '.join(in_order(laws))}]}}"
