"""What may come between a driver and its guest's memory: somebody who is asked before an attempt and an addition.

Own design; a driver without it asks nobody.
Left out: who interferes, and why (app.guest.faults).
"""

from collections.abc import Callable
from typing import Protocol

from app.mm.outcome import ContigOutcome, Errno


class DriverInterference(Protocol):
    """Somebody who lets attempts and additions pass, or answers for them."""

    def contig(
        self, start_pfn: int, end_pfn: int, *, level: str, attempt: Callable[[], ContigOutcome]
    ) -> ContigOutcome:
        """Makes an attempt to take [start_pfn, end_pfn), or answers for it."""

    def add_memory(self, start_pfn: int, end_pfn: int) -> Errno:
        """Returns what adding [start_pfn, end_pfn) to Linux answers before it is tried; OK: it is tried."""
