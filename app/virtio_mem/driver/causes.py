"""What stopped a driver: a page, a shortage of memory, its device, a limit, or a fault rule. Results alone do not say.

    ENOMEM    migration found no room | no room for a memmap | the device said NACK | a fault rule
    ENOSPC    the region ends | too much added memory is offline

Own design.
Left out: words for people (app.operations.shortfall), and what helps (app.guest.why.remedies).
"""

from enum import StrEnum

from app.mm.outcome import ContigOutcome, Errno


class Cause(StrEnum):
    """What stopped an act of the driver."""

    PAGE = "page"
    MEMORY = "memory"
    DEVICE = "device"
    FAULT_RULE = "fault_rule"
    OFFLINE_LIMIT = "offline_limit"
    REGION = "region"
    # Linux would still be trying (HP-6).
    SIMULATOR = "simulator"


def cause_of_take(outcome: ContigOutcome) -> Cause:
    """Returns what stopped pages on their way to the device, the device included, which comes last."""
    if outcome.result is Errno.OK:
        return Cause.DEVICE
    if outcome.result is Errno.EINTR:
        return Cause.SIMULATOR
    if outcome.obstacle is None and outcome.step != "offline":
        # An attempt that is made names the page where it ended.
        return Cause.FAULT_RULE
    return Cause.MEMORY if outcome.result is Errno.ENOMEM else Cause.PAGE
