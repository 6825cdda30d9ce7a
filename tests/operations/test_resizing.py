"""Resizing: by target, by amount, and by letting a retry timer fire."""

import pytest

from app.errors import InvalidValue, Unknown
from app.operations import allocating, resizing
from app.operations.allocating import Wanted
from app.operations.creating import DeviceSpec, GuestSpec, create
from app.operations.service import Service
from tests.operations.stage import play

MIB = 2**20
SPEC = GuestSpec(name="web", boot_size=2**29, online="online_kernel", devices=(DeviceSpec(size=2**30),))


@pytest.mark.parametrize("inline_us", [0, 10**9])
def test_resize_plug_and_unplug_report_and_show(inline_us: int) -> None:
    """Each answers its outcome, and the device shows it, in a thread or on the loop."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        grown = await resizing.resize(service, "web", "vm0", 256 * MIB)
        assert (grown["state"], grown["achieved"]) == ("done", 256 * MIB)
        more = await resizing.plug(service, "web", "vm0", 128 * MIB)
        assert more["size"] == 384 * MIB
        less = await resizing.unplug(service, "web", "vm0", 384 * MIB)
        assert less["size"] == resizing.show_device(service, "web", "vm0")["size"] == 0

    play(scene, inline_us=inline_us)


def test_resize_of_what_is_not_there_is_unknown() -> None:
    """Guests and devices that do not exist are unknown, to every verb."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        for guest, device in (("db", "vm0"), ("web", "vm1")):
            with pytest.raises(Unknown):
                resizing.show_device(service, guest, device)
            for act in (resizing.resize, resizing.plug, resizing.unplug):
                with pytest.raises(Unknown):
                    await act(service, guest, device, 2 * MIB)

    play(scene)


def test_advance_lets_a_waiting_driver_try_again() -> None:
    """What could not be unplugged goes when the obstacle has gone and the timer fires."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        await resizing.plug(service, "web", "vm0", 128 * MIB)
        first = int(str(resizing.show_device(service, "web", "vm0")["addr"])) // 4096
        slab = Wanted(kind="slab", order=0, nr_pages=None, size=None, at_pfns=(first + 7,), label="")
        taken = await allocating.allocate(service, "web", slab)
        outcome = await resizing.unplug(service, "web", "vm0", 128 * MIB)
        assert (outcome["state"], outcome["size"]) == ("partial", 2 * MIB)
        await allocating.free(service, "web", int(str(taken["id"])), fraction=1.0, seed=0)
        passed = await resizing.advance(service, "web", 600_000_000)
        outcomes = passed["outcomes"]
        assert isinstance(outcomes, list)
        assert outcomes[-1]["state"] == "done"
        assert resizing.show_device(service, "web", "vm0")["size"] == 0
        with pytest.raises(InvalidValue):
            await resizing.advance(service, "web", resizing.LONGEST_ADVANCE_US + 1)

    play(scene)
