"""What became of a plug, an unplug or a resize, as the outside world reads it; a part is a normal answer.

Left out: the walk that made it (app.virtio_mem.driver), and what it cost (the guest's clock).
"""

from app.virtio_mem.driver.fallback import Level
from app.virtio_mem.driver.report import PassOutcome, StuckPiece


def describe_outcome(device_id: str, outcome: PassOutcome, *, simulated_us: int) -> dict[str, object]:
    """Returns an outcome, JSON-ready, in bytes; `requested` and `achieved` are amounts, not targets."""
    wanted = outcome.requested_size - outcome.size_before
    moved = outcome.size - outcome.size_before
    return {
        "device": device_id,
        "state": "done" if outcome.size == outcome.requested_size else "partial",
        "requested": abs(wanted),
        "achieved": max(0, moved if wanted > 0 else -moved),
        "requested_size": outcome.requested_size,
        "size": outcome.size,
        "by_level": {
            str(level): {"bytes": tally.nr_bytes, "attempts": tally.attempts, "failed": tally.failed}
            for level, tally in outcome.by_level.items()
        },
        "obstacle_count": outcome.obstacle_count,
        "obstacles": [_describe_piece(piece) for piece in outcome.obstacles],
        "migrated_pages": outcome.counts.nr_migrated,
        "simulated_us": simulated_us,
    }


def _describe_piece(piece: StuckPiece) -> dict[str, object]:
    return {
        "pfn": piece.pfn,
        "kind": None if piece.kind is None else piece.kind.api_name,
        # Memory that is added, or is offline, is handled by whole memory blocks.
        "level": str(piece.level or Level.MEMORY_BLOCK),
        "result": str(piece.result),
        "bytes": piece.nr_bytes,
    }
