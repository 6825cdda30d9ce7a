"""Whoever interferes with a driver is asked before each attempt and addition, and answers for them."""

from collections.abc import Callable

from app.mm.outcome import ContigOutcome, Errno
from app.units import MIB
from app.virtio_mem.driver.interference import DriverInterference
from tests.virtio_mem.board import TOY, build


class _Diary:
    """Lets everything pass, but an addition so many times, and notes what it was asked."""

    def __init__(self, refused: int) -> None:
        self.refused = refused
        self.levels: list[str] = []

    def contig(
        self, start_pfn: int, end_pfn: int, *, level: str, attempt: Callable[[], ContigOutcome]
    ) -> ContigOutcome:
        assert start_pfn < end_pfn
        self.levels.append(level)
        return attempt()

    def add_memory(self, start_pfn: int, end_pfn: int) -> Errno:
        assert start_pfn < end_pfn
        self.refused -= 1
        return Errno.ENOMEM if self.refused >= 0 else Errno.OK


def test_driver_asks_before_each_attempt_and_addition() -> None:
    """A refused addition is undone and retried; an attempt that passes is the driver's own."""
    board = build(TOY)
    diary = _Diary(refused=1)
    interference: DriverInterference = diary
    board.driver.set_interference(interference)
    assert board.resize(8 * MIB).size == 0
    board.verify()
    assert board.driver.fire_timer().size == 8 * MIB
    assert board.resize(0).size == 0
    assert diary.levels
    board.driver.set_interference(None)
    assert board.resize(8 * MIB).size == 8 * MIB
