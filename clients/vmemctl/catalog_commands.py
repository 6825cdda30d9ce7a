"""Commands that tell what the service offers to make guests of: policies and presets."""

from typing import Annotated

import typer

from clients.vmemctl import arguments
from clients.vmemctl.catalog_tables import (
    policy_table,
    preset_table,
    quantities_table,
    switch_table,
    value_table,
)
from clients.vmemctl.session import JsonOption, open_session


def policies(
    context: typer.Context,
    policies: Annotated[
        list[str] | None,
        typer.Argument(
            help="Shows all switches of these side by side.",
            metavar="[NAME[+SWITCH=VALUE,...]]...",
            show_default=False,
        ),
    ] = None,
    *,
    switches: Annotated[
        bool, typer.Option("--switches", help="Show every switch, its values, and what it decides.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Lists the kernels that a guest can run, and the switches in which they differ."""
    session = open_session(context, as_json=as_json)
    if policies:
        chosen = [session.client.show_policy(policy) for policy in policies]
        session.print(chosen, value_table(chosen))
    elif switches:
        listed = session.client.switches()
        session.print(listed, switch_table(listed))
    else:
        known = session.client.policies()
        session.print(known, policy_table(known))


def presets(
    context: typer.Context,
    preset: Annotated[
        str | None, typer.Argument(help="Shows what follows from this one.", show_default=False)
    ] = None,
    *,
    policy: Annotated[
        str | None,
        typer.Option(
            help="Kernel that it follows for.", metavar="NAME[+SWITCH=VALUE,...]", show_default="linux-5.19"
        ),
    ] = None,
    block_size: Annotated[
        int | None,
        typer.Option(
            parser=arguments.size, metavar="SIZE", help="Block size of a device.", show_default="a pageblock"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Lists the geometries that a guest can have; with a name, the alignments and units that follow from it."""
    session = open_session(context, as_json=as_json)
    if preset is None:
        found = session.client.presets()
        session.print(found, preset_table(found))
        return
    quantities = session.client.quantities(preset, policy=policy, block_size=block_size)
    session.print(quantities, quantities_table(quantities))
