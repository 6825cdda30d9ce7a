"""A guest's memory, looked at: memory blocks, pageblocks, /proc files, the map, the check of the invariants.

What can be large is rendered in the call itself, by what the caller brings: in a thread, where that is needed.
Left out: how answers are written and maps are drawn (app.api).
"""

from collections.abc import Callable

from app.errors import Unknown
from app.guest.guest import Guest
from app.guest.proc_files import PROC_FILES
from app.guest.views import MapRows
from app.operations import estimates
from app.operations.registry import Description
from app.operations.service import Service

__all__ = ["PROC_FILES", "MapRows", "draw", "memory_blocks", "pageblocks", "proc", "verify"]


async def memory_blocks(service: Service, name: str, render: Callable[[Description], bytes]) -> bytes:
    """Returns what `render` makes of state and zone of each memory block.

    Raises Unknown.
    """
    return await service.registry.read(
        name, lambda guest: render(guest.memory_blocks()), estimate_us=estimates.walk_us
    )


async def pageblocks(service: Service, name: str, render: Callable[[Description], bytes]) -> bytes:
    """Returns what `render` makes of type and contents of each pageblock, run-length coded.

    Raises Unknown.
    """
    return await service.registry.read(
        name, lambda guest: render(guest.pageblocks()), estimate_us=estimates.walk_us
    )


async def proc(service: Service, name: str, file: str) -> str:
    """Returns the text of a file of the guest's /proc.

    Raises Unknown.
    """
    if file not in PROC_FILES:
        raise Unknown("file of /proc", file, PROC_FILES)
    return await service.registry.read(name, lambda guest: guest.proc(file), estimate_us=estimates.walk_us)


async def draw(service: Service, name: str, render: Callable[[MapRows], bytes]) -> bytes:
    """Returns what `render` makes of the guest's map; it always runs in a thread, for pictures take their time.

    Raises Unknown, and what `render` raises.
    """

    def call(guest: Guest) -> bytes:
        return render(guest.map_rows())

    return await service.registry.read(name, call, estimate_us=lambda _: estimates.UNKNOWN_US)


async def verify(service: Service, name: str) -> Description:
    """Returns the invariants that are broken: none, in a sound guest.

    Raises Unknown.
    """

    def call(guest: Guest) -> Description:
        return {"violations": guest.verify()}

    return await service.registry.read(name, call, estimate_us=lambda _: estimates.UNKNOWN_US)
