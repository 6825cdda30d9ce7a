"""Looking at a guest: every view, in a thread or on the loop, and the render that the caller brings."""

import json
import threading

import pytest

from app.errors import Unknown
from app.operations import looking
from app.operations.creating import GuestSpec, create
from app.operations.looking import MapRows
from app.operations.service import Service
from tests.operations.stage import play


def _render(view: dict[str, object]) -> bytes:
    return json.dumps(view).encode()


@pytest.mark.parametrize("inline_us", [0, 10**9])
def test_views_show_the_guest(inline_us: int) -> None:
    """Memory blocks, pageblocks, /proc, the map and the invariants."""

    async def scene(service: Service) -> None:
        await create(service, GuestSpec(name="web", boot_size=2**29))
        blocks = json.loads(await looking.memory_blocks(service, "web", _render))
        assert len(blocks["memory_blocks"]) == 4
        pageblocks = json.loads(await looking.pageblocks(service, "web", _render))
        assert pageblocks["pageblock_nr_pages"] == 512
        for file in looking.PROC_FILES:
            # A kernel that nothing has happened to has nothing to log.
            assert await looking.proc(service, "web", file) or file == "kmsg"
        assert await looking.verify(service, "web") == {"violations": []}

    play(scene, inline_us=inline_us)


def test_draw_runs_the_render_where_long_calls_run() -> None:
    """Drawing is part of the call: a large picture does not hold the loop."""

    async def scene(service: Service) -> None:
        await create(service, GuestSpec(name="web", boot_size=2**29))
        seen = list[int]()

        def render(rows: MapRows) -> bytes:
            seen.append(threading.get_ident())
            return bytes(rows.kinds)

        assert len(await looking.draw(service, "web", render)) == 256
        assert seen != [threading.get_ident()]

    play(scene, inline_us=0)


def test_proc_of_another_name_is_unknown() -> None:
    """Only the files that are there can be read."""

    async def scene(service: Service) -> None:
        await create(service, GuestSpec(name="web", boot_size=2**27))
        with pytest.raises(Unknown):
            await looking.proc(service, "web", "kcore")

    play(scene)
