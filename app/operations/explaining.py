"""Why memory stays plugged, and what would become of a request: asked of copies, while the guest itself goes on.

Kept here: the guest is locked only while it is copied; copies count as pages of the service until the answer is there.
Left out: what is asked of the copies (app.guest.why.explain, app.guest.why.forecast).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from app.guest.rules import parse_rules
from app.guest.why.explain import Explanation, copy_subject, explain
from app.guest.why.explain_view import MarkedMap, PageWindow, describe_explanation, mark_map
from app.guest.why.forecast import MOST_RETRIES, Question, copy_for_forecast, forecast
from app.operations import estimates
from app.operations.registry import Description
from app.operations.service import Service

__all__ = ["MOST_RETRIES", "MarkedMap", "PageWindow", "Wish", "draw", "explain_device", "forecast_device"]

Answer = TypeVar("Answer")

# With limits, two more copies are asked beside the first.
_NR_COPIES, _NR_COPIES_WITH_LIMITS = 1, 3


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a forecast is about: a target in bytes, other rules (None: the guest's), how many retries, and limits."""

    requested_size: int
    policy: str | None = None
    fallback: Sequence[str] | None = None
    retries: int = 0
    has_limits: bool = True


async def explain_device(
    service: Service, name: str, device_id: str, *, target: int | None, window: PageWindow | None
) -> Description:
    """Returns why the device has more than `target` bytes plugged; window: which single pages are told.

    Raises Unknown, InvalidValue, StateError, PageLimitReached.
    """

    def tell(explanation: Explanation) -> Description:
        return describe_explanation(explanation, window)

    return await _explained(service, name, device_id, target, tell)


async def draw(
    service: Service, name: str, device_id: str, *, target: int | None, render: Callable[[MarkedMap], bytes]
) -> bytes:
    """Returns what `render` makes of the guest's map with what stays marked; else as explain_device()."""
    memory = await _explained(service, name, device_id, target, mark_map)
    async with service.drawing:
        return await service.crew.run(lambda: render(memory), estimate_us=estimates.UNKNOWN_US)


async def forecast_device(service: Service, name: str, device_id: str, wish: Wish) -> Description:
    """Returns what would become of a target.

    Raises Unknown, InvalidValue, StateError, PageLimitReached.
    """
    question = Question(
        device_id=device_id,
        requested_size=wish.requested_size,
        rules=parse_rules(wish.policy, wish.fallback),
        retries=wish.retries,
        has_limits=wish.has_limits,
    )
    nr_copies = _NR_COPIES_WITH_LIMITS if wish.has_limits else _NR_COPIES
    with service.registry.hold_pages(nr_copies * service.registry.entry(name).nr_pages):
        copy = await service.registry.read(
            name, lambda guest: copy_for_forecast(guest, question), estimate_us=estimates.walk_us
        )
        return await service.crew.run(lambda: forecast(copy, question), estimate_us=estimates.UNKNOWN_US)


async def _explained(
    service: Service, name: str, device_id: str, target: int | None, tell: Callable[[Explanation], Answer]
) -> Answer:
    with service.registry.hold_pages(service.registry.entry(name).nr_pages):
        subject = await service.registry.read(
            name, lambda guest: copy_subject(guest, device_id, target), estimate_us=estimates.walk_us
        )
        return await service.crew.run(lambda: tell(explain(subject)), estimate_us=estimates.UNKNOWN_US)
