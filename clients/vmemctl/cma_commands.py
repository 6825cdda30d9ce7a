"""Commands on a guest's CMA areas: cma list, cma alloc, cma release."""

from typing import Annotated

import typer

from clients.vmemctl import arguments
from clients.vmemctl.session import ExitCode, GuestArgument, JsonOption, open_session
from clients.vmemctl.tables import cma_area_table, fact_table

AreaArgument = Annotated[str, typer.Argument(help="Name of the CMA area.", show_default=False)]


def make_app() -> typer.Typer:
    """Returns the group of commands."""
    app = typer.Typer(
        name="cma", no_args_is_help=True, help="CMA areas: lists them, takes and releases pages."
    )
    app.command("list")(list_areas)
    app.command("alloc")(alloc)
    app.command("release")(release)
    return app


def list_areas(context: typer.Context, guest: GuestArgument, *, as_json: JsonOption = False) -> None:
    """Lists a guest's CMA areas, and what is taken of them."""
    session = open_session(context, as_json=as_json)
    areas = session.client.cma_areas(guest)
    session.print(areas, cma_area_table(areas))


def alloc(  # noqa: PLR0913 - one argument for each option of the command line
    context: typer.Context,
    guest: GuestArgument,
    area: AreaArgument,
    *,
    size: Annotated[
        int | None,
        typer.Option(parser=arguments.size, metavar="SIZE", help="How much.", show_default=False),
    ] = None,
    pages: Annotated[int | None, typer.Option(min=1, help="How many pages.", show_default=False)] = None,
    align: Annotated[
        int | None,
        typer.Option(min=0, metavar="ORDER", help="At a multiple of 2^ORDER pages.", show_default="0"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Takes pages of a CMA area as its driver would: say --size or --pages. Exit code 3 when none could be had."""
    session = open_session(context, as_json=as_json)
    outcome = session.client.cma_alloc(guest, area, nr_pages=pages, size=size, align_order=align)
    obstacle = outcome.obstacle
    facts = {
        "result": outcome.result,
        "first pfn": None if outcome.pfn is None else f"{outcome.pfn:#x}",
        "pages": outcome.nr_pages,
        "calls of alloc_contig_range": outcome.calls,
        "failed at": outcome.step,
        "in the way": None if obstacle is None else f"{obstacle.kind or 'a page'} at {obstacle.pfn:#x}",
        "migrated pages": outcome.migrated_pages,
    }
    session.print(outcome, fact_table(facts))
    if not outcome.succeeded:
        raise typer.Exit(ExitCode.PARTIAL)


def release(
    context: typer.Context,
    guest: GuestArgument,
    area: AreaArgument,
    pfn: Annotated[
        int,
        typer.Argument(
            parser=arguments.pfn, metavar="PFN", help="First page of what was taken.", show_default=False
        ),
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Releases what `cma alloc` took."""
    session = open_session(context, as_json=as_json)
    released = session.client.cma_release(guest, area, pfn)
    facts = {"first pfn": f"{released.pfn:#x}", "freed pages": released.freed_pages}
    session.print(released, fact_table(facts))
