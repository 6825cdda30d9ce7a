"""Comparing as an operation: a start that stays free to be used, copies that are counted, and real captures."""

import asyncio
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from app.errors import InvalidValue, PageLimitReached
from app.operations import estimates
from app.operations.comparing import (
    CaptureOptions,
    Question,
    compare_capture,
    compare_guest,
    compare_scenario,
)
from app.operations.creating import DeviceSpec, GuestSpec, create
from app.operations.registry import Description
from app.operations.service import Service
from app.units import GIB, MIB
from tests.guest.capture_files import REAL_CAPTURES
from tests.operations.stage import play

SPEC = GuestSpec(name="web", boot_size=GIB, devices=(DeviceSpec(size=GIB, requested_size=GIB),))
TO_ZERO = Question(device=None, requested_size=0, unplug=None, policies=("linux-5.15", "linux-6.17"))
REAL = REAL_CAPTURES / "6.1-mixed-zero.vmem"


def render(comparison: Description) -> bytes:
    """As JSON."""
    return json.dumps(comparison).encode()


def read(rendered: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
    """What was rendered."""
    return json.loads(rendered)


def test_compare_guest_tells_rows_and_lets_go() -> None:
    """A row for each policy; the guest does not change, and its copies are no pages any more."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        guest = service.registry.entry("web").guest
        before, nr_pages = guest.digest(), service.registry.nr_pages
        told = read(await compare_guest(service, "web", TO_ZERO, render))
        assert [row["outcome"]["state"] for row in told["rows"]] == ["done", "done"]
        assert (told["start"], told["size_before"]) == ({"guest": "web"}, GIB)
        assert (guest.digest(), service.registry.nr_pages) == (before, nr_pages)

    play(scene)


def test_compare_guest_locks_it_only_while_it_is_copied() -> None:
    """While rows run, the guest itself may be resized: the rows start from what it was."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        question = Question(device=None, requested_size=0, unplug=None, policies=("linux-6.17",) * 30)
        comparing = asyncio.create_task(compare_guest(service, "web", question, render))
        # Its turn to ask for the lock, before the resize does.
        await asyncio.sleep(0)
        await service.registry.change(
            "web", lambda guest: guest.resize("vm0", 512 * MIB), estimate_us=lambda _: estimates.UNKNOWN_US
        )
        assert not comparing.done()
        told = read(await comparing)
        assert {row["outcome"]["achieved"] for row in told["rows"]} == {GIB}

    play(scene)


@pytest.mark.parametrize(
    ("name", "question", "field"),
    [
        ("nobody", TO_ZERO, "guest"),
        ("web", Question(device="vm9", requested_size=0, unplug=None), "device"),
        ("web", Question(device=None, requested_size=7, unplug=None), "requested_size"),
        ("web", Question(device=None, requested_size=0, unplug=None, policies=("x",)), "policies[0]"),
    ],
)
def test_compare_guest_refuses_by_name_and_holds_nothing(name: str, question: Question, field: str) -> None:
    """What a body names and is not there is a wrong value, not a wrong path."""

    async def scene(service: Service) -> None:
        await create(service, SPEC)
        nr_pages = service.registry.nr_pages
        with pytest.raises(InvalidValue) as refused:
            await compare_guest(service, name, question, render)
        assert refused.value.members["field"] == field
        assert service.registry.nr_pages == nr_pages

    play(scene)


def test_compare_scenario_plays_each_case_under_each_policy() -> None:
    """Rows of cases; unknown scenarios, and levels that nobody uses, are refused by name."""

    async def scene(service: Service) -> None:
        policies = ("rfc-v1", "linux-6.17")
        question = Question(device=None, requested_size=None, unplug=None, policies=policies)
        told = read(await compare_scenario(service, "S04", question, render))
        assert (told["start"], told["device"]) == ({"scenario": "S04"}, None)
        assert [row["policy"] for row in told["rows"]] == [*policies] * (len(told["rows"]) // 2)
        with pytest.raises(InvalidValue, match="scenario is 'S99'"):
            await compare_scenario(service, "S99", question, render)
        with pytest.raises(InvalidValue, match="fallbacks"):
            await compare_scenario(service, "S04", replace(question, fallbacks=(("pageblock",),)), render)

    play(scene)


def test_compare_capture_of_a_real_guest() -> None:
    """A real 6.1 guest: loaded once, compared twice over; nothing stays."""

    async def scene(service: Service) -> None:
        with REAL.open("rb") as file:
            told = read(await compare_capture(service, file, CaptureOptions(name=""), TO_ZERO, render))
        assert told["start"]["kernel_release"].startswith("6.1.")
        assert [row["policy"] for row in told["rows"]] == ["linux-5.15", "linux-6.17"]
        assert all((row["outcome"] is None) != (row["refusal"] is None) for row in told["rows"])
        assert service.registry.entries() == []
        assert service.registry.nr_pages == 0

    play(scene)


def test_compare_capture_beyond_the_pages_is_refused() -> None:
    """Copies count, also of what nobody can name."""

    async def scene(service: Service) -> None:
        with pytest.raises(PageLimitReached):
            await compare_capture(
                service, io.BytesIO(REAL.read_bytes()), CaptureOptions(name=""), TO_ZERO, render
            )
        assert service.registry.nr_pages == 0

    play(scene, max_total_pages=1000)
