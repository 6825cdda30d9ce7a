"""Pressure stall information on memory: which part of the time somebody, or everybody, waited for it.

    now ──┬── 2 s ──┬── 2 s ──┬──        each period ends with the share of it that was stalled;
          ▓▓▓░░░░░░░▓░░░░░░░░░░          three averages forget at different speeds, `total` never

Mirrors /proc/pressure/memory of Linux: "some" counts while at least one task waits for memory, the kernel's own
reclaim included; "full" while every task that has work waits. Averages over 10, 60 and 300 s, taken every 2 s.
Left out: who waits, and for how long (app.guest.programs.page_supply).
"""

from dataclasses import dataclass, field, replace

from app.guest.programs.decay import FIXED_ONE, decayed, two_places

_NS_PER_US = 1000
PERIOD_NS = 2_000_000_000
# e^(-2/10), e^(-2/60) and e^(-2/300), in fixed point.
_WEIGHTS = (1677, 1981, 2034)


@dataclass
class PressureLine:
    """One line: time that was stalled, and its averages in percent, in fixed point."""

    total_ns: int = 0
    averages: tuple[int, ...] = (0, 0, 0)
    # Up to here everything is counted; what was stalled of the present period.
    counted_ns: int = 0
    in_period_ns: int = 0
    # The present stall: [from, until). It may end in the future.
    from_ns: int = 0
    until_ns: int = 0

    def stall(self, begin_ns: int, end_ns: int) -> None:
        """Says that there is a stall in [begin, end), begin being now; stalls that overlap count once."""
        self.count(begin_ns)
        self.from_ns = begin_ns
        self.until_ns = max(self.until_ns, end_ns)

    def count(self, now_ns: int) -> None:
        """Counts what has passed since, period by period."""
        while (end_ns := self.counted_ns - self.counted_ns % PERIOD_NS + PERIOD_NS) <= now_ns:
            if self._is_idle():
                # Nothing to forget: any number of periods passes at once.
                self.counted_ns = now_ns - now_ns % PERIOD_NS
                break
            self._count_to(end_ns)
            share = self.in_period_ns * 100 * FIXED_ONE // PERIOD_NS
            pairs = zip(self.averages, _WEIGHTS, strict=True)
            self.averages = tuple(decayed(average, share, weight=weight) for average, weight in pairs)
            self.in_period_ns = 0
        self._count_to(now_ns)

    def text(self, name: str) -> str:
        """Returns the line as the kernel prints it."""
        ten, sixty, three_hundred = map(two_places, self.averages)
        total_us = self.total_ns // _NS_PER_US
        return f"{name} avg10={ten} avg60={sixty} avg300={three_hundred} total={total_us}\n"

    def _is_idle(self) -> bool:
        return self.until_ns <= self.counted_ns and not self.in_period_ns and not any(self.averages)

    def _count_to(self, moment_ns: int) -> None:
        stalled_ns = max(0, min(self.until_ns, moment_ns) - max(self.from_ns, self.counted_ns))
        self.total_ns += stalled_ns
        self.in_period_ns += stalled_ns
        self.counted_ns = max(self.counted_ns, moment_ns)


@dataclass
class Pressure:
    """A guest's pressure stall information on memory."""

    some: PressureLine = field(default_factory=PressureLine)
    full: PressureLine = field(default_factory=PressureLine)

    def fork(self) -> "Pressure":
        """Returns an independent copy."""
        return Pressure(replace(self.some), replace(self.full))

    def count(self, now_ns: int) -> None:
        """Brings both lines to now."""
        self.some.count(now_ns)
        self.full.count(now_ns)

    def text(self, now_ns: int) -> str:
        """Returns /proc/pressure/memory."""
        self.count(now_ns)
        return self.some.text("some") + self.full.text("full")
