"""The kernel's log of a guest: lines with the time of the guest's clock, the newest of them kept.

Mirrors /proc/kmsg of Linux, in so far as parsers look for it: "<level>[seconds.micros] text".
Left out: who writes what (app.guest.programs.oom).
"""

from collections import deque

NR_LINES_KEPT = 256
LEVEL_EMERGENCY = 0
LEVEL_ERROR = 3
_US_PER_S = 1_000_000


class KernelLog:
    """The newest lines of one guest's log, since it was booted."""

    def __init__(self) -> None:
        """Starts empty."""
        self._lines: deque[str] = deque(maxlen=NR_LINES_KEPT)

    def fork(self) -> "KernelLog":
        """Returns an independent copy."""
        copy = KernelLog()
        copy._lines.extend(self._lines)
        return copy

    def write(self, now_us: int, text: str, *, level: int = LEVEL_ERROR) -> None:
        """Adds a line."""
        seconds, micros = divmod(now_us, _US_PER_S)
        self._lines.append(f"<{level}>[{seconds:5d}.{micros:06d}] {text}\n")

    def text(self) -> str:
        """Returns the lines that are kept, oldest first."""
        return "".join(self._lines)
