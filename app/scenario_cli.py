"""vmemsim scenario: lists, shows and runs scenarios; the exit code says whether a run was as expected.

What plays them is imported when a command needs it, so that --help stays quick.
Left out: scenarios over HTTP (app.api.routes.scenarios, vmemctl).
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.errors import InvalidValue
from app.progress_line import ProgressLine

if TYPE_CHECKING:
    from app.operations.scenarios import CaseOutcome, Line, Scenario

EXIT_DIFFERS = 1
EXIT_REFUSED = 2

app = typer.Typer(
    name="scenario", no_args_is_help=True, help="Lists, shows and runs scenarios.", rich_markup_mode=None
)

_STYLES: dict[str, dict[str, object]] = {
    "plain": {},
    "heading": {"bold": True},
    "good": {"fg": typer.colors.GREEN},
    "bad": {"fg": typer.colors.RED},
    "faint": {"dim": True},
}
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


@app.command("list")
def list_scenarios(*, as_json: JsonOption = False) -> None:
    """Lists the scenarios that come with the program."""
    from app.operations import scenarios  # noqa: PLC0415 - imports numba

    found = scenarios.packaged()
    if as_json:
        typer.echo(json.dumps([scenarios.describe_briefly(scenario) for scenario in found], indent=2))
        return
    for scenario in found:
        typer.echo(f"{scenario.id:6} {scenario.title}")


@app.command()
def show(scenario_id: Annotated[str, typer.Argument(metavar="ID", help="Such as S08.")]) -> None:
    """Shows what a scenario asks, and its file."""
    from app.operations import scenarios  # noqa: PLC0415 - as above

    _print(scenarios.tell_scenario(scenarios.find(scenario_id)))
    typer.echo(f"\n{scenarios.scenario_text(scenario_id)}", nl=False)


@app.command()
def run(
    scenario_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Such as S08.")] = None,
    *,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="POLICY",
            help="NAME or NAME+switch=value,...; may be repeated. Without: those that the file speaks of.",
        ),
    ] = None,
    case: Annotated[str | None, typer.Option(help="One case only.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Draw memory after every section.")] = False,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A scenario of your own instead of ID.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Runs a scenario; exit code 0: as expected, 1: not, 2: it cannot be run."""
    from app.operations import scenarios  # noqa: PLC0415 - as above

    scenario = _find(scenario_id, file)
    wanted = scenarios.Wanted(policies=tuple(policy or ()), case=case, has_steps=watch)
    _warm_up()
    outcomes: list[CaseOutcome] = []
    for outcome in scenarios.play(scenario, wanted):
        if not as_json:
            if not outcomes:
                # What cannot be run at all is an error without anything before it.
                typer.secho(f"{scenario.id}  {scenario.title}", bold=True)
            _tell(scenario, outcome, is_new_case=not outcomes or outcomes[-1].case != outcome.case)
        outcomes.append(outcome)
    if not outcomes:
        raise InvalidValue("--policy", None, f"one at least: {scenario.id} says nothing of any")
    if as_json:
        typer.echo(json.dumps(scenarios.describe_run(scenario, outcomes), indent=2))
    if not all(outcome.agrees for outcome in outcomes):
        raise typer.Exit(EXIT_DIFFERS)
    if all(outcome.refusal for outcome in outcomes):
        raise typer.Exit(EXIT_REFUSED)


def _find(scenario_id: str | None, file: Path | None) -> "Scenario":
    """Returns the scenario that is named, or the one in a file.

    Raises InvalidValue.
    """
    from app.operations import scenarios  # noqa: PLC0415 - as above

    if (scenario_id is None) == (file is None):
        raise InvalidValue("ID", scenario_id, "the id of a scenario, or --file, and not both")
    if file is None:
        return scenarios.find(str(scenario_id))
    try:
        # Never more than is worth reading: the reader says what is too much.
        with file.open("rb") as opened:
            content = opened.read(scenarios.LARGEST_FILE + 1)
        return scenarios.read_scenario(content.decode(), file=str(file))
    except OSError as error:
        raise InvalidValue("--file", file, f"a readable file ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InvalidValue(
            "--file", file, f"a text in UTF-8 ({error.reason} at byte {error.start})"
        ) from error


def _warm_up() -> None:
    from app.operations.warm_up import warm_up_now  # noqa: PLC0415 - as above

    warm_up_now(ProgressLine())


def _tell(scenario: "Scenario", outcome: "CaseOutcome", *, is_new_case: bool) -> None:
    """Prints one policy's outcome; before it the case if it is a new one, and the steps if there are any."""
    from app.operations import scenarios  # noqa: PLC0415 - as above

    case = scenarios.find_case(scenario, outcome.case)
    if is_new_case:
        typer.echo()
        _print(scenarios.tell_case(case))
    for end in outcome.ends:
        if end.steps:
            typer.secho(f"\n{outcome.policy}: {' '.join(end.order)}", bold=True)
            _print(scenarios.tell_steps(case, end.steps))
    _print(scenarios.tell_outcome(outcome))


def _print(lines: "Iterable[Line]") -> None:
    for text, tone in lines:
        typer.secho(text, **_STYLES[tone])  # type: ignore[arg-type]  # click's own names
