"""Clocks: shown, changed, advanced by time and by steps."""

import asyncio

import pytest

from app.errors import InvalidValue, StateError, Unknown
from app.guest.guest import Guest
from app.operations import clocks, resizing
from app.operations.clocks import Stretch
from app.operations.creating import DeviceSpec, GuestSpec, create
from app.operations.guest_time import ClockMode, ClockSetting
from app.operations.operation import OperationState
from app.operations.service import Service
from tests.operations.stage import play

GIB = 2**30
S = 1_000_000
SPEC = GuestSpec(name="web", boot_size=GIB, devices=(DeviceSpec(size=4 * GIB),))
MANUAL = ClockSetting(ClockMode.MANUAL)


def test_manual_clock_stands_until_it_is_advanced() -> None:
    """A resize waits for time; so much passes as was said, to the microsecond."""

    async def scene(service: Service) -> None:
        await create(service, SPEC, MANUAL)
        begun = await resizing.resize(service, "web", "vm0", GIB, wait_s=0.05)
        before = await clocks.show(service, "web")
        assert (begun.standing.size, before["next_due_us"]) == (0, before["now_us"])
        after = await clocks.advance(service, "web", Stretch(duration_us=3000))
        assert after["now_us"] == int(str(before["now_us"])) + 3000
        assert 0 < begun.standing.size < GIB
        last = await clocks.advance(service, "web", Stretch(duration_us=S))
        outcomes = last["outcomes"]
        assert isinstance(outcomes, list)
        assert [outcome["state"] for outcome in outcomes] == ["done"]
        assert begun.standing.state is OperationState.SUCCEEDED

    play(scene)


def test_steps_let_whoever_is_due_act_one_by_one() -> None:
    """Each step is one act; when nobody is due, there is nothing more to do."""

    async def scene(service: Service) -> None:
        await create(service, SPEC, MANUAL)
        begun = await resizing.resize(service, "web", "vm0", GIB)
        sizes = []
        while not begun.is_over:
            await clocks.advance(service, "web", Stretch(steps=1))
            sizes.append(begun.standing.size)
        assert sizes == sorted(sizes)
        assert len(set(sizes)) > 2
        # The device still tells of its last size.
        last = await clocks.advance(service, "web", Stretch(steps=1000))
        assert last["next_due_us"] is None
        assert (await clocks.advance(service, "web", Stretch(steps=1000)))["now_us"] == last["now_us"]

    play(scene)


def test_two_advances_at_once_add_up() -> None:
    """The second begins where the first has ended."""

    async def scene(service: Service) -> None:
        await create(service, SPEC, MANUAL)
        before = int(str((await clocks.show(service, "web"))["now_us"]))
        await resizing.resize(service, "web", "vm0", 4 * GIB)
        both = (clocks.advance(service, "web", Stretch(duration_us=5 * S)) for _ in range(2))
        await asyncio.gather(*both)
        assert (await clocks.show(service, "web"))["now_us"] == before + 10 * S

    play(scene)


def test_advance_in_mode_instant_ends_with_drivers_at_rest() -> None:
    """Time may be moved there as well; what begins in it is done to its end."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        await clocks.advance(service, "web", Stretch(duration_us=S))
        assert (await clocks.show(service, "web"))["next_due_us"] is None
        await clocks.change(service, "web", mode="manual", scale=None)
        begun = await resizing.resize(service, "web", "vm0", GIB)
        await clocks.advance(service, "web", Stretch(steps=2))
        assert not begun.is_over
        # Who changes to instant finds all done.
        await clocks.change(service, "web", mode="instant", scale=None)
        assert begun.standing.state is OperationState.SUCCEEDED

    play(scene)


def test_advance_that_nobody_wants_any_more_stops_at_the_end_of_a_slice() -> None:
    """Somebody acts each microsecond of a day, which would take hours; after a slice the caller is gone."""

    class Ceaseless:
        def __init__(self, guest: Guest) -> None:
            self._next_ns = guest.clock.now_ns

        def due_ns(self) -> int:
            return self._next_ns

        def act(self) -> None:
            self._next_ns += 1000

    async def scene(service: Service) -> None:
        await create(service, SPEC, MANUAL)
        await service.registry.change(
            "web", lambda guest: guest.agenda.add(Ceaseless(guest)), estimate_us=lambda _: 0
        )
        before = int(str((await clocks.show(service, "web"))["now_us"]))
        asked: list[int] = []

        async def is_wanted() -> bool:
            asked.append(service.registry.entry("web").guest.clock.now_us)
            return len(asked) < 3

        day = Stretch(duration_us=clocks.LONGEST_ADVANCE_US)
        stopped = await asyncio.wait_for(clocks.advance(service, "web", day, is_wanted=is_wanted), 20)
        assert before < asked[0] < asked[1] < asked[2] == stopped["now_us"]
        # Whoever comes next goes on from there.
        on = await clocks.advance(service, "web", Stretch(duration_us=5))
        assert on["now_us"] == asked[2] + 5

    play(scene)


def test_realtime_clock_cannot_be_advanced() -> None:
    """The wall drives it: 409, and how to change that."""

    async def scene(service: Service) -> None:
        await create(service, SPEC, ClockSetting(ClockMode.REALTIME, 1.0))
        with pytest.raises(StateError, match="realtime"):
            await clocks.advance(service, "web", Stretch(steps=1))

    play(scene)


@pytest.mark.parametrize(
    "stretch",
    [{"duration_us": -1}, {"duration_us": clocks.LONGEST_ADVANCE_US + 1}, {"steps": 0}, {"steps": 10**6}],
)
def test_absurd_stretches_are_refused(stretch: dict[str, int]) -> None:
    """Back, more than a day, no step, a million of them: each is named."""
    with pytest.raises(InvalidValue, match=next(iter(stretch))):
        Stretch(**stretch)


def test_clock_of_no_guest_is_unknown() -> None:
    """Shown, changed or advanced."""

    async def scene(service: Service) -> None:
        for act in (
            clocks.show(service, "db"),
            clocks.change(service, "db", mode="manual", scale=None),
            clocks.advance(service, "db", Stretch(steps=1)),
        ):
            with pytest.raises(Unknown):
                await act
        assert (await clocks.overview(service))["ticks"] == 0

    play(scene)
