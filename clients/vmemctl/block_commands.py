"""`vmemctl block`: sets a memory block on- or offline, as somebody in the guest would."""

from typing import Annotated

import typer

from clients.vmemctl.session import GuestArgument, JsonOption, open_session
from clients.vmemctl.tables import fact_table


def set_block(
    context: typer.Context,
    guest: GuestArgument,
    memory_block: Annotated[
        int, typer.Argument(min=0, help="Its id, as `vmemctl blocks` shows it.", show_default=False)
    ],
    state: Annotated[
        str,
        typer.Argument(help="online, online_kernel, online_movable or offline.", show_default=False),
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Sets a memory block on- or offline; the driver that it belongs to hears of it. Exit code 4 when refused."""
    session = open_session(context, as_json=as_json)
    block = session.client.set_memory_block(guest, memory_block, state)
    facts = {
        "memory block": block.id,
        "state": block.state,
        "zone": block.zone,
        "device": block.device,
        "migrated pages": block.migrated_pages,
        "simulated us": block.simulated_us,
    }
    session.print(block, fact_table(facts))
