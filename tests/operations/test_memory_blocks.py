"""Memory blocks through the registry: set, refused with the kernel's reason, and the driver follows."""

import pytest

from app.errors import MemoryBlockUnchanged, Unknown
from app.operations import looking, memory_blocks
from app.operations.creating import DeviceSpec, GuestSpec, create
from app.operations.resizing import show_device
from app.operations.service import Service
from tests.operations.stage import play

SPEC = GuestSpec(
    name="web", boot_size=2**29, online="offline", devices=(DeviceSpec(size=2**31, requested_size=2**31),)
)


@pytest.mark.parametrize("inline_us", [0, 10**9])
def test_blocks_that_go_online_make_room_for_more(inline_us: int) -> None:
    """D-6: the driver stopped at 1 GiB offline; half of that online, it goes on."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        assert (await show_device(service, "web", "vm0"))["size"] == 2**30
        for block in range(32, 36):
            row = await memory_blocks.set_state(service, "web", block, "online_movable")
            assert (row["state"], row["zone"]) == ("online", "Movable")
        await looking.verify(service, "web")
        assert (await show_device(service, "web", "vm0"))["size"] == 2**30 + 2**29

    play(scene, inline_us=inline_us)


def test_what_the_kernel_refuses_is_raised() -> None:
    """With its reason; a block that is not there is unknown."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        with pytest.raises(MemoryBlockUnchanged, match="offline already"):
            await memory_blocks.set_state(service, "web", 32, "offline")
        with pytest.raises(Unknown):
            await memory_blocks.set_state(service, "web", 31, "offline")

    play(scene)
