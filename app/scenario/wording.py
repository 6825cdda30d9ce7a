"""Scenarios and their outcomes, JSON-ready: acts and turns as phrases, moments as numbers and pictures.

Left out: text for a terminal (app.scenario.telling).
"""

from collections.abc import Callable

from app.mm.outcome import Caller
from app.mm.page import PageKind
from app.scenario import script
from app.scenario.judging import Difference
from app.scenario.running import CaseOutcome, Step, policies_of
from app.scenario.script import Act, Actor, Case, Scenario, Turn
from app.scenario.sight import Moment
from app.units import format_size

Description = dict[str, object]


def describe_briefly(scenario: Scenario) -> Description:
    """Returns what a list of scenarios tells of one."""
    policies = {policy: None for case in scenario.cases for policy in policies_of(case)}
    return {
        "id": scenario.id,
        "title": scenario.title,
        "cases": [case.name for case in scenario.cases],
        "policies": list(policies),
    }


def describe_scenario(scenario: Scenario) -> Description:
    """Returns all of a scenario but what it expects."""
    return {
        "id": scenario.id,
        "title": scenario.title,
        "about": scenario.about,
        "cases": [_describe_case(case) for case in scenario.cases],
    }


def _describe_case(case: Case) -> Description:
    return {
        "name": case.name,
        "start": word_start(case.start),
        "actors": {actor.name: word_acts(actor) for actor in case.actors},
        "schedule": word_schedule(case.schedule),
        "fallback": None if case.fallback is None else list(case.fallback),
        "policies": policies_of(case),
    }


def word_start(start: script.PictureStart | script.GuestStart) -> str:
    """Returns a start in one line: the picture, or the guest's sizes."""
    if isinstance(start, script.PictureStart):
        return " ".join(start.picture.split()) + (f" types {start.types}" if start.types else "")
    sizes = (start.boot_size, start.device_size, start.requested_size)
    boot, device, requested = (format_size(size) for size in sizes)
    return f"guest {start.preset}: boot {boot}, device {device}, requested {requested}, {start.online}"


def word_acts(actor: Actor) -> str:
    """Returns what an actor does, act by act."""
    return "; ".join(word_act(act) for act in actor.acts)


def word_schedule(schedule: tuple[Turn, ...] | str) -> str:
    """Returns a schedule as a file writes it."""
    return schedule if isinstance(schedule, str) else " ".join(map(_word_turn, schedule))


def _word_turn(turn: Turn) -> str:
    if turn.point:
        return f"{turn.actor}:{turn.point}"
    return turn.actor if turn.times == 1 else f"{turn.actor}*{turn.times}"


def word_act(act: Act) -> str:
    """Returns an act as a phrase."""
    return _PHRASES[type(act)](act)


def _range(act: script.Contig | script.Isolate | script.Undo) -> str:
    caller = "" if act.caller is Caller.ORDINARY else f" as {act.caller.name.lower()}"
    return f"[{act.start_pfn}, {act.end_pfn}){caller}"


def _allocate(act: script.Allocate) -> str:
    ways = ["no cma"] * (not act.is_cma_allowed) + ["highatomic"] * act.is_highatomic
    runs = f" x{act.nr_runs}" if act.nr_runs > 1 else ""
    return f"allocate {act.kind.api_name} order {act.order}{runs}{''.join(f', {way}' for way in ways)}"


def _contig(act: script.Contig) -> str:
    taken_as = "" if act.kind is PageKind.UNMOVABLE else f", pages become {act.kind.api_name}"
    return f"contig {_range(act)}{taken_as}{', interrupted' * act.is_interrupted}"


def _resize(act: script.Resize) -> str:
    busy = f", busy {act.busy}" if act.busy else ""
    change = f", request {act.change[0]}: to {format_size(act.change[1])}" if act.change else ""
    return f"resize to {format_size(act.requested_size)}{busy}{change}"


_PHRASES: dict[type, Callable[..., str]] = {
    script.Contig: _contig,
    script.Isolate: lambda act: f"isolate {_range(act)}",
    script.Undo: lambda act: f"undo {_range(act)}",
    script.Allocate: _allocate,
    script.AllocateAt: lambda act: f"allocate {act.kind.api_name} order {act.order} at {act.pfn}",
    script.Free: lambda act: f"free [{act.start_pfn}, {act.end_pfn})",
    script.Unreserve: lambda act: f"unreserve {act.migratetype.name.lower()}{', forced' * act.is_forced}",
    script.DeclareArea: lambda act: f"declare {act.area.name} [{act.area.start_pfn}, {act.area.end_pfn})",
    script.CmaAlloc: lambda act: f"cma_alloc {act.nr_pages} of {act.area}",
    script.CmaRelease: lambda act: f"cma_release [{act.start_pfn}, {act.end_pfn}) of {act.area}",
    script.OfflineMemory: lambda act: f"offline [{act.start_pfn}, {act.end_pfn})",
    script.Resize: _resize,
}


def describe_outcome(outcome: CaseOutcome) -> Description:
    """Returns what became of a case under a policy; steps of a schedule, if they were kept."""
    return {
        "case": outcome.case,
        "policy": outcome.policy,
        "agrees": outcome.agrees,
        "is_expected": outcome.is_expected,
        "nr_orders": outcome.nr_orders,
        "nr_ends": outcome.nr_ends,
        "refusal": outcome.refusal or None,
        "ends": [
            {
                "order": list(end.order),
                **describe_moment(end.moment),
                "steps": [_describe_step(step) for step in end.steps],
            }
            for end in outcome.ends
        ],
        "differences": [_describe_difference(difference) for difference in outcome.differences],
    }


def _describe_difference(difference: Difference) -> Description:
    return difference._asdict()


def _describe_step(step: Step) -> Description:
    return {
        "turn": step.turn,
        "actor": step.actor,
        "point": step.point,
        "pfn": None if step.pfn < 0 else step.pfn,
        **describe_moment(step.moment),
    }


def describe_moment(moment: Moment) -> Description:
    """Returns what is seen at a moment."""
    sight = moment.sight
    return {
        "results": dict(moment.results),
        "pfns": dict(moment.pfns),
        "pages": sight.pages,
        "types": sight.types,
        "lists": list(sight.lists),
        "nr_free": sight.nr_free,
        "nr_free_cma": sight.nr_free_cma,
        "nr_free_highatomic": sight.nr_free_highatomic,
        "nr_reserved_highatomic": sight.nr_reserved_highatomic,
        "nr_migrated": moment.nr_migrated,
        "findings": list(moment.findings),
        "violations": [violation._asdict() for violation in sight.violations],
        "types_lost": list(moment.types_lost),
        "values": dict(moment.values),
    }
