"""Comparing kernels: one start, copied for each of them, and one request to every copy.

Kept here: the start is copied under its guest's lock, and all that follows happens to copies, which count as pages
of the service meanwhile; nothing is kept.
Left out: how a comparison is shown (app.api).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import IO

from app.errors import CapacityError, Unknown
from app.guest.capture.decoder import decode_capture
from app.guest.compare import (
    DEFAULT_POLICIES,
    MOST_ROWS,
    Target,
    Variant,
    find_target,
    plan_variants,
    run_variant,
)
from app.guest.guest import Guest
from app.operations import estimates
from app.operations.creating import as_invalid_value
from app.operations.importing import CaptureOptions, load
from app.operations.registry import Description
from app.operations.scenarios import MOST_SECONDS
from app.operations.service import Service
from app.scenario.catalog import packaged_scenario
from app.scenario.compare import plan_rows, play_row
from app.scenario.script import Case
from app.trace.sink import RingSink

__all__ = [
    "DEFAULT_POLICIES",
    "MOST_ROWS",
    "CaptureOptions",
    "Question",
    "Render",
    "compare_capture",
    "compare_guest",
    "compare_scenario",
]

# The start, and the copy that runs.
_NR_COPIES = 2
Render = Callable[[Description], bytes]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What every kernel is asked: a device's new target, or to give up `unplug` bytes; neither where a scenario asks.

    device: None for the only one. fallbacks: empty for each policy's own levels.
    """

    device: str | None
    requested_size: int | None
    unplug: int | None
    policies: tuple[str, ...] = DEFAULT_POLICIES
    fallbacks: tuple[tuple[str, ...], ...] = ()


async def compare_guest(service: Service, name: str, question: Question, render: Render) -> bytes:
    """Returns what `render` makes of the comparison that starts from a guest as it is now.

    Raises InvalidValue, PageLimitReached, StateError, and what `render` raises.
    """
    variants = plan_variants(question.policies, question.fallbacks)
    try:
        nr_pages = service.registry.entry(name).nr_pages
        with service.registry.hold_pages(_NR_COPIES * nr_pages):
            start, target = await service.registry.read(
                name, partial(_fork, question=question), estimate_us=estimates.walk_us
            )
            rows = await _run(service, start, target, variants)
    except Unknown as error:
        raise as_invalid_value(error) from error
    return await _render(service, render, _describe({"guest": name}, start, target, rows))


async def compare_capture(
    service: Service, file: IO[bytes], options: CaptureOptions, question: Question, render: Render
) -> bytes:
    """Returns what `render` makes of the comparison that starts from a capture, which is loaded once.

    Raises InvalidValue, PageLimitReached, and what `render` raises.
    """
    variants = plan_variants(question.policies, question.fallbacks)
    await service.kernels.wait()
    with service.registry.hold_pages(0) as held:
        async with service.loading:
            machine = await service.crew.run(lambda: decode_capture(file), estimate_us=estimates.UNKNOWN_US)
            service.registry.enlarge(held, _NR_COPIES * machine.nr_pages)
            named = replace(options, name="capture")
            start, _ = await service.crew.run(
                lambda: load(machine, named, RingSink(0)), estimate_us=estimates.UNKNOWN_US
            )
            # Devices may reach beyond what was captured.
            service.registry.enlarge(held, _NR_COPIES * start.nr_pages)
        try:
            target = _target(start, question)
        except Unknown as error:
            raise as_invalid_value(error) from error
        rows = await _run(service, start, target, variants)
    told: Description = {"kernel_release": machine.kernel_release, "policy": start.identity.policy}
    return await _render(service, render, _describe(told, start, target, rows))


async def compare_scenario(service: Service, scenario_id: str, question: Question, render: Render) -> bytes:
    """Returns what `render` makes of a scenario's cases, each played under every policy; it names no device.

    Raises InvalidValue, CapacityError when it takes too long, and what `render` raises.
    """
    variants = plan_variants(question.policies, question.fallbacks)
    await service.kernels.wait()
    try:
        scenario = packaged_scenario(scenario_id)
    except Unknown as error:
        raise as_invalid_value(error) from error
    planned = plan_rows(scenario, variants, has_fallbacks=bool(question.fallbacks))
    async with service.playing:
        rows = await service.crew.run(lambda: _play(planned), estimate_us=estimates.UNKNOWN_US)
    comparison: Description = {
        "start": {"scenario": scenario_id},
        "device": None,
        "size_before": None,
        "requested_size": None,
        "rows": rows,
    }
    return await _render(service, render, comparison)


def _play(planned: Sequence[tuple[Case, str]]) -> list[Description]:
    began = time.monotonic()
    rows: list[Description] = []
    for case, policy in planned:
        rows.append(play_row(case, policy))
        if time.monotonic() - began > MOST_SECONDS:
            detail = f"{len(rows)} rows took more than {MOST_SECONDS:g} s: ask for fewer policies"
            raise CapacityError(detail, limit_s=MOST_SECONDS)
    return rows


def _fork(guest: Guest, question: Question) -> tuple[Guest, Target]:
    return guest.fork(), _target(guest, question)


def _target(start: Guest, question: Question) -> Target:
    return find_target(start, question.device, requested_size=question.requested_size, unplug=question.unplug)


async def _run(
    service: Service, start: Guest, target: Target, variants: Sequence[Variant]
) -> list[Description]:
    """Runs row by row, so that other calls get their turn at the threads in between."""
    return [
        await service.crew.run(partial(run_variant, start, target, variant), estimate_us=estimates.UNKNOWN_US)
        for variant in variants
    ]


def _describe(told: Description, start: Guest, target: Target, rows: list[Description]) -> Description:
    return {
        "start": told,
        "device": target.device_id,
        "size_before": start.describe_device(target.device_id)["size"],
        "requested_size": target.requested_size,
        "rows": rows,
    }


async def _render(service: Service, render: Render, comparison: Description) -> bytes:
    async with service.drawing:
        return await service.crew.run(lambda: render(comparison), estimate_us=estimates.UNKNOWN_US)
