"""Explanations and forecasts as sentences and tables for a terminal. Nothing here asks the service anything."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from clients.explain_models import ExplainedPage, ExplainGroup, Explanation, Forecast, SizeLimits, Snapshot
from clients.sizes import format_size
from clients.vmemctl.tables import fact_table, format_us, outcome_details, plain_table

_LIMIT_REASONS = {
    "obstacles": "the rest is blocked: `vmemctl explain` says by what",
    "memory": "pages have nowhere to move to",
    "device": "the device refuses",
    "region": "the region, or its usable part, ends there",
    "memmap": "no room for the memmap of more",
    "offline_threshold": "too much memory is added and not online",
    None: "nothing is left",
}


def explanation_view(explanation: Explanation) -> RenderableType:
    """Shows what could be had now, what blocks the rest, and when it is tried again."""
    parts: list[RenderableType] = [_headline(explanation)]
    for hindrance in explanation.hindrances:
        text = f"{hindrance.text}; {hindrance.remedy}. What follows is as if that was done."
        parts.append(Text(text, style="bold yellow"))
    if explanation.groups:
        parts += [group_table(explanation.groups), *_gains(explanation.groups)]
    if explanation.rest:
        rest = f"{format_size(explanation.rest)} are less than what the driver gives back at once"
        parts.append(Text(f"{rest} ({format_size(explanation.unit_size)})"))
    if explanation.pages:
        parts.append(page_table(explanation.pages))
    if explanation.next_cursor is not None:
        parts.append(Text(f"more pages: --cursor {explanation.next_cursor}", style="dim"))
    if explanation.retry is not None:
        retry = explanation.retry
        parts.append(
            Text(
                f"the driver tries again in {format_us(retry.in_us)} simulated, then after "
                f"{retry.next_interval_ms / 1000:g} s"
            )
        )
    return Group(*parts)


def group_table(groups: Sequence[ExplainGroup]) -> RenderableType:
    """Shows one line per reason."""
    table = plain_table(
        "what stays",
        "whose",
        "level",
        "result",
        "*pieces",
        "*bytes",
        "*pages in the way",
        "age",
        "what helps",
    )
    for group in groups:
        table.add_row(
            group.kind or "no page",
            _whose(group),
            group.level or "not tried",
            group.result or "-",
            str(group.count),
            format_size(group.bytes),
            str(group.obstacle_pages) if group.obstacle_pages else "-",
            _ages(group),
            group.remedy.text,
        )
    return table


def page_table(pages: Sequence[ExplainedPage]) -> RenderableType:
    """Shows one line per run of pages in the way, or per piece without any."""
    table = plain_table("*pfn", "kind", "*order", "whose", "age", "*piece", "level", "result", "what helps")
    for page in pages:
        owner = page.owner
        table.add_row(
            "-" if page.pfn is None else f"{page.pfn:#x}",
            page.kind or "-",
            "-" if page.order is None else str(page.order),
            "-" if owner is None else owner.label or owner.type,
            "-" if page.age_us is None else format_us(page.age_us),
            f"{page.start_pfn:#x}",
            page.level or "not tried",
            page.result or "-",
            page.remedy.text,
        )
    return table


def forecast_view(forecast: Forecast) -> RenderableType:
    """Shows what would become of a target, and how far one could go at all."""
    outcome = forecast.outcome
    verb = "grow" if forecast.requested_size > forecast.size_before else "shrink"
    headline = Text.assemble(
        f"{forecast.device} would {verb} from {format_size(forecast.size_before)} to ",
        (
            format_size(forecast.size),
            "bold green" if forecast.size == forecast.requested_size else "bold yellow",
        ),
        f", asked for {format_size(forecast.requested_size)}, in {format_us(forecast.simulated_us)} simulated; "
        f"{outcome.migrated_pages} pages migrated, {outcome.dropped_pages} dropped",
        f"; {forecast.policy}, {','.join(forecast.fallback)}",
    )
    parts: list[RenderableType] = [headline, *outcome_details(outcome)]
    parts += [
        f"retry at {format_us(retry.at_us)}: plugged {format_size(retry.outcome.size)}"
        for retry in forecast.retries
    ]
    if forecast.limits is not None:
        parts.append(limit_table(forecast.limits))
    return Group(*parts)


def limit_table(limits: SizeLimits) -> RenderableType:
    """Shows floor, safe floor and ceiling, and what each comes from."""
    safe = (
        f"{format_size(limits.free_at_safe_floor)} are free there, and reclaim begins below "
        f"{format_size(limits.high_watermarks)}"
    )
    return fact_table(
        {
            "floor": f"{format_size(limits.floor)}: {_LIMIT_REASONS.get(limits.floor_reason, limits.floor_reason)}",
            "safe floor": f"{format_size(limits.safe_floor)}: {safe}",
            "ceiling": f"{format_size(limits.ceiling)}: "
            f"{_LIMIT_REASONS.get(limits.ceiling_reason, limits.ceiling_reason)}",
        }
    )


def snapshot_table(snapshots: Sequence[Snapshot]) -> RenderableType:
    """Shows one line per snapshot."""
    if not snapshots:
        return "no snapshots; `vmemctl snapshot GUEST` takes one"
    table = plain_table("snapshot", "*taken at", "digest")
    for snapshot in snapshots:
        table.add_row(snapshot.id, format_us(snapshot.at_us), snapshot.digest)
    return table


def _headline(explanation: Explanation) -> Text:
    if not explanation.above_target:
        return Text(
            f"{explanation.device} has {format_size(explanation.size)}, no more than the target of "
            f"{format_size(explanation.target)}: nothing to take back"
        )
    style = "bold yellow" if explanation.stays else "bold green"
    return Text.assemble(
        f"{explanation.device} has {format_size(explanation.size)}; to reach {format_size(explanation.target)}, ",
        (f"{format_size(explanation.obtainable)} could be taken back now", style),
        f", {format_size(explanation.stays)} not" if explanation.stays else "",
    )


def _whose(group: ExplainGroup) -> str:
    owner = group.owner
    if owner is None:
        return "-"
    numbers = ", ".join(map(str, group.numbers))
    return f"{owner.label or owner.type} ({numbers})" if numbers else owner.label or owner.type


def _ages(group: ExplainGroup) -> str:
    if group.oldest_us is None or group.youngest_us is None:
        return "-"
    oldest, youngest = format_us(group.oldest_us), format_us(group.youngest_us)
    return oldest if oldest == youngest else f"{youngest} - {oldest}"


def _gains(groups: Sequence[ExplainGroup]) -> list[RenderableType]:
    """Returns a sentence for each group whose pages alone hold something back."""
    parts: list[RenderableType] = []
    for group in groups:
        gain = group.largest_gain
        if gain is None:
            continue
        pages = "this 1 page" if gain.obstacle_pages == 1 else f"these {gain.obstacle_pages} pages"
        whole = (
            f"; all of them {format_size(group.released_alone)}" if group.released_alone > gain.bytes else ""
        )
        parts.append(
            Text(
                f"{_whose(group)}: freeing {pages} of {group.kind or 'memory'} between {gain.start_pfn:#x} and "
                f"{gain.end_pfn:#x} would release {format_size(gain.bytes)}{whole}"
            )
        )
    return parts
