"""Commands that ask why, and what if: explain, forecast. They change nothing."""

from pathlib import Path
from typing import Annotated

import typer

from clients.vmemctl import arguments
from clients.vmemctl.explain_tables import explanation_view, forecast_view
from clients.vmemctl.session import DeviceOption, GuestArgument, JsonOption, open_session
from clients.vmemctl.size_commands import SizeArgument
from clients.vmemctl.view_commands import save_image

PolicyOption = Annotated[
    str | None, typer.Option(metavar="POLICY", help="Under another kernel.", show_default=False)
]
FallbackOption = Annotated[
    str | None,
    typer.Option(
        metavar="LEVELS", help="With other levels, such as memory_block,chunk,pageblock.", show_default=False
    ),
]


def explain(  # noqa: PLR0913 - one argument for each option of the command line
    context: typer.Context,
    guest: GuestArgument,
    *,
    device: DeviceOption = None,
    target: Annotated[
        int | None,
        typer.Option(
            parser=arguments.size,
            metavar="SIZE",
            help="Explain what stays above this size; default: the requested size.",
            show_default=False,
        ),
    ] = None,
    pages: Annotated[bool, typer.Option("--pages", help="Tell single pages, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Most pages.")] = 100,
    cursor: Annotated[int, typer.Option(min=0, help="Go on where the last answer ended.")] = 0,
    png: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help='Save an annotated map instead; "-": standard output.'),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Explains how much could be taken back now, and what blocks the rest; the guest does not change."""
    session = open_session(context, as_json=as_json)
    found = session.find_device(guest, device).id
    if png is not None:
        save_image(session, session.client.explain_png(guest, found, target=target), png)
        return
    window = {"limit": limit, "cursor": cursor} if pages else {}
    explanation = session.client.explain(guest, found, target=target, pages=pages or None, **window)
    session.print(explanation, explanation_view(explanation))


def forecast(  # noqa: PLR0913 - one argument for each option of the command line
    context: typer.Context,
    guest: GuestArgument,
    size: SizeArgument,
    *,
    device: DeviceOption = None,
    policy: PolicyOption = None,
    fallback: FallbackOption = None,
    retries: Annotated[int, typer.Option(min=0, help="Wait for so many retries of the driver.")] = 0,
    limits: Annotated[
        bool, typer.Option(help="Tell how far one could go at all, which takes longer.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Tells what would become of a new size, without setting it."""
    session = open_session(context, as_json=as_json)
    told = session.client.forecast(
        guest,
        session.find_device(guest, device).id,
        size,
        policy=policy,
        fallback=None if fallback is None else arguments.comma_list(fallback),
        retries=retries or None,
        limits=None if limits else False,
    )
    session.print(told, forecast_view(told))
