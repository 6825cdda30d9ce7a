"""Commands about scenarios, questions to the kernel with known answers: scenario list, show, run.

Left out: pictures step by step, which `vmemsim scenario run --watch` draws.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from clients.scenario_models import ScenarioEnd, ScenarioOutcome, ScenarioRun, ScenarioSummary
from clients.specs import ScenarioSpec
from clients.vmemctl.session import ExitCode, JsonOption, open_session
from clients.vmemctl.tables import plain_table

_ID = typer.Argument(metavar="ID", help="Such as S08.", show_default=False)


def make_app() -> typer.Typer:
    """Returns `vmemctl scenario` with its commands."""
    app = typer.Typer(
        no_args_is_help=True, rich_markup_mode="markdown", help="Lists, shows and plays scenarios."
    )
    app.command("list")(list_scenarios)
    app.command("show")(show)
    app.command("run")(run)
    return app


def list_scenarios(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """Lists the scenarios that come with the service."""
    session = open_session(context, as_json=as_json)
    found = session.client.list_scenarios()
    session.print(found, scenario_table(found))


def show(context: typer.Context, scenario: Annotated[str, _ID], *, as_json: JsonOption = False) -> None:
    """Shows a scenario's file, from which one can start one's own."""
    session = open_session(context, as_json=as_json)
    found = session.client.show_scenario(scenario)
    session.print(found, Text(found.file.rstrip("\n")))


def run(
    context: typer.Context,
    scenario: Annotated[str | None, _ID] = None,
    *,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="POLICY",
            help="NAME or NAME+switch=value,...; may be repeated. Without: those that the file speaks of.",
        ),
    ] = None,
    case: Annotated[str | None, typer.Option(help="One case only.", show_default=False)] = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A scenario of your own instead of ID.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Plays a scenario under each policy; ends with 1 when something is not as expected, with 4 if all is refused."""
    session = open_session(context, as_json=as_json)
    spec = ScenarioSpec(policies=tuple(policy or ()), case=case)
    if (scenario is None) == (file is None):
        raise typer.BadParameter("say the id of a scenario or --file, and not both")
    if file is not None:
        outcome = session.client.run_scenario_file(_text_of(file), spec)
    else:
        outcome = session.client.run_scenario(str(scenario), spec)
    session.print(outcome, run_table(outcome))
    if not outcome.agrees:
        raise typer.Exit(ExitCode.VIOLATED)
    if all(each.refusal for each in outcome.outcomes):
        raise typer.Exit(ExitCode.REFUSED)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file}: {error}") from error


def scenario_table(scenarios: Sequence[ScenarioSummary]) -> Table:
    """Shows one line per scenario."""
    table = plain_table("scenario", "title", "*cases", "*policies")
    for scenario in scenarios:
        counts = (len(scenario.cases), len(scenario.policies))
        table.add_row(scenario.id, scenario.title, *map(str, counts))
    return table


def run_table(run: ScenarioRun) -> RenderableType:
    """Shows one line per case and policy, and below what is not as expected."""
    table = plain_table("case", "policy", "*orders", "results", "*free", "findings", "")
    for outcome in run.outcomes:
        if outcome.refusal:
            table.add_row(outcome.case, outcome.policy, "-", f"refused: {outcome.refusal}", "", "", "-")
        for number, end in enumerate(outcome.ends):
            head = (outcome.case, outcome.policy, str(outcome.nr_orders)) if not number else ("", "", "")
            verdict = _verdict(outcome) if not number else ""
            table.add_row(*head, _results(end), str(end.nr_free), " ".join(end.findings), verdict)
    parts: list[RenderableType] = [Text(f"{run.id}  {run.title}", style="bold"), table]
    if not run.agrees:
        parts.append(difference_table(run))
    return Group(*parts)


def difference_table(run: ScenarioRun) -> Table:
    """Shows one line per difference."""
    table = plain_table("case", "policy", "what", "where", "expected", "found")
    for outcome in run.outcomes:
        for difference in outcome.differences:
            row = (difference.what, difference.where, difference.expected, difference.found)
            table.add_row(outcome.case, outcome.policy, *row)
    return table


def _results(end: ScenarioEnd) -> str:
    return ", ".join(f"{actor} {result}" for actor, result in end.results.items())


def _verdict(outcome: ScenarioOutcome) -> Text:
    if not outcome.agrees:
        return Text("differs", style="bold red")
    return Text("agrees", style="green") if outcome.is_expected else Text("-")
