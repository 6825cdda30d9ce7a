"""Commands that take pages on the guest's behalf and give them back: alloc, free."""

from typing import Annotated

import typer

from clients.specs import AllocationSpec
from clients.vmemctl import arguments
from clients.vmemctl.session import GuestArgument, JsonOption, open_session
from clients.vmemctl.tables import fact_table


def alloc(  # noqa: PLR0913 - one argument for each option of the command line
    context: typer.Context,
    guest: GuestArgument,
    kind: Annotated[
        str,
        typer.Argument(
            help="What the pages hold: anon, file, thp, pinned, unmovable ...", show_default=False
        ),
    ],
    *,
    size: Annotated[
        int | None,
        typer.Option(parser=arguments.size, metavar="SIZE", help="How much.", show_default=False),
    ] = None,
    pages: Annotated[int | None, typer.Option(min=1, help="How many pages.", show_default=False)] = None,
    at: Annotated[
        list[int] | None,
        typer.Option(
            parser=arguments.pfn,
            metavar="PFN",
            help="Exactly at this free page; may be repeated.",
            show_default=False,
        ),
    ] = None,
    order: Annotated[
        int | None, typer.Option(min=0, help="In pieces of 2^ORDER pages.", show_default=False)
    ] = None,
    label: Annotated[str | None, typer.Option(help="A name for it.", show_default=False)] = None,
    node: Annotated[int | None, typer.Option(min=0, help="Preferred NUMA node.", show_default="0")] = None,
    highatomic: Annotated[
        bool,
        typer.Option("--highatomic", help="An atomic request, for unmovable pages above order 0."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Allocates pages in the guest: say one of --size, --pages and --at."""
    session = open_session(context, as_json=as_json)
    spec = AllocationSpec(
        kind=kind,
        order=order,
        nr_pages=pages,
        size=size,
        at_pfns=at,
        label=label,
        node=node,
        highatomic=highatomic or None,
    )
    allocation = session.client.allocate(guest, spec)
    facts = {"allocation": allocation.id, "kind": allocation.kind, "pages": allocation.nr_pages}
    session.print(allocation, fact_table({**facts, "label": allocation.label or None}))


def free(
    context: typer.Context,
    guest: GuestArgument,
    allocation: Annotated[int, typer.Argument(help="Number of the allocation.", show_default=False)],
    *,
    fraction: Annotated[float | None, typer.Option(min=0, max=1, help="Free a random part of it.")] = None,
    seed: Annotated[int | None, typer.Option(help="Chooses the part.", show_default=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Frees an allocation, or a random part of it."""
    session = open_session(context, as_json=as_json)
    freed = session.client.free_allocation(guest, allocation, fraction=fraction, seed=seed)
    facts = {
        "allocation": freed.id,
        "freed pages": freed.freed_pages,
        "remaining pages": freed.remaining_pages,
    }
    session.print(freed, fact_table(facts))
