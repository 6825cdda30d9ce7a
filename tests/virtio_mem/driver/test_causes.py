"""What stopped a driver, from what the kernel and the device answered."""

import pytest

from app.mm.outcome import ContigOutcome, Errno, Obstacle
from app.mm.page import PageKind
from app.virtio_mem.driver.causes import Cause, cause_of_take

_PAGE = Obstacle(7, PageKind.ANON)


@pytest.mark.parametrize(
    ("outcome", "cause"),
    [
        # The pages were taken: it was the device.
        (ContigOutcome(Errno.OK), Cause.DEVICE),
        (ContigOutcome(Errno.EBUSY, "test", _PAGE), Cause.PAGE),
        (ContigOutcome(Errno.ENOMEM, "migrate", _PAGE), Cause.MEMORY),
        (ContigOutcome(Errno.EBUSY, "isolate"), Cause.FAULT_RULE),
        (ContigOutcome(Errno.ENOMEM, "migrate"), Cause.FAULT_RULE),
        (ContigOutcome(Errno.EBUSY, "offline"), Cause.PAGE),
        (ContigOutcome(Errno.ENOMEM, "offline"), Cause.MEMORY),
        (ContigOutcome(Errno.EINTR, "migrate"), Cause.SIMULATOR),
    ],
)
def test_cause_of_take(outcome: ContigOutcome, cause: Cause) -> None:
    """An attempt that was made names a page; one that a rule answered for names none."""
    assert cause_of_take(outcome) is cause
