"""Who drives a guest's clock, and how the wall's time becomes the guest's.

    instant    after each command, the drivers run until they rest; no time passes by itself
    manual     only an explicit advance moves the clock
    realtime   the clock follows the wall, `scale` simulated seconds for each: app.operations.ticker

    wall       ----+==========+=======>      a change of mode or scale sets a new anchor:
                anchor       now             the clock never jumps, least of all back
    simulated  ----+====================>

Kept here: simulated times are integers of nanoseconds; only a moment of the wall is a float of seconds.
Left out: running the guest (app.operations.registry).
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from app.errors import InvalidValue

SLOWEST_SCALE = 0.001
FASTEST_SCALE = 10_000.0
# A guest whose next act is later than this by the wall has fallen behind.
LAG_LIMIT_S = 0.1
_NS = 1_000_000_000


class ClockMode(StrEnum):
    """Who drives the clock."""

    INSTANT = "instant"
    MANUAL = "manual"
    REALTIME = "realtime"


@dataclass(frozen=True)
class ClockSetting:
    """A mode, and how many simulated seconds make one of the wall's in mode realtime."""

    mode: ClockMode = ClockMode.INSTANT
    scale: float = 1.0

    def changed(self, *, mode: str | None, scale: float | None) -> "ClockSetting":
        """Returns the setting with what is not None.

        Raises InvalidValue.
        """
        new = replace(
            self,
            mode=self.mode if mode is None else read_mode(mode),
            scale=self.scale if scale is None else scale,
        )
        if not (math.isfinite(new.scale) and SLOWEST_SCALE <= new.scale <= FASTEST_SCALE):
            accepted = f"{SLOWEST_SCALE:g} to {FASTEST_SCALE:g} simulated seconds for one of the wall"
            raise InvalidValue("scale", scale, accepted)
        return new


def read_mode(text: str) -> ClockMode:
    """Returns the mode of that name.

    Raises InvalidValue.
    """
    if text not in list(ClockMode):
        raise InvalidValue("mode", text, f"one of {', '.join(ClockMode)}")
    return ClockMode(text)


class GuestTime:
    """The relation of one guest's clock to the wall's; what it knows of the guest is as of the last note()."""

    def __init__(self, setting: ClockSetting, *, wall_s: float, now_ns: int, due_ns: int | None) -> None:
        """Begins at a moment of the wall's clock and of the guest's; due_ns: when the guest acts next."""
        self.now_ns = now_ns
        self.due_ns = due_ns
        # How late the ticker was when it last came to this guest.
        self.last_lag_s = 0.0
        self.set(setting, wall_s=wall_s)

    def set(self, setting: ClockSetting, *, wall_s: float) -> None:
        """Goes on under another setting from the time that it is now."""
        self.setting = setting
        self._anchor_s = wall_s
        self._anchor_ns = self.now_ns
        self.last_lag_s = 0.0

    def note(self, *, now_ns: int, due_ns: int | None) -> None:
        """Keeps where the guest's clock stands, and when the guest acts next."""
        self.now_ns = now_ns
        self.due_ns = due_ns

    @property
    def is_realtime(self) -> bool:
        """Whether the wall's clock drives the guest's."""
        return self.setting.mode is ClockMode.REALTIME

    def target_ns(self, wall_s: float) -> int:
        """Returns where the guest's clock should stand; where it stands, when the wall does not drive it."""
        if not self.is_realtime:
            return self.now_ns
        passed_ns = int((wall_s - self._anchor_s) * self.setting.scale * _NS)
        # Commands cost simulated time of their own: a clock that is ahead waits for the wall.
        return max(self.now_ns, self._anchor_ns + passed_ns)

    def due_s(self) -> float | None:
        """Returns when, by the wall's clock, the guest acts next; None: never by itself."""
        if self.due_ns is None or not self.is_realtime:
            return None
        return self._anchor_s + (self.due_ns - self._anchor_ns) / (self.setting.scale * _NS)

    def lag_s(self, wall_s: float) -> float:
        """Returns by how many seconds of the wall the guest's next act is late; 0 for a guest that keeps up."""
        due_s = self.due_s()
        return 0.0 if due_s is None else max(0.0, wall_s - due_s)

    def shown_lag_s(self, wall_s: float) -> float:
        """Returns how late the guest is for somebody who looks: what is due now, or was when it was last served."""
        return max(self.last_lag_s, self.lag_s(wall_s))

    def shown_ns(self, wall_s: float) -> int:
        """Returns the guest's time for somebody who looks: the wall's, but not beyond an act that is still due."""
        target_ns = self.target_ns(wall_s)
        return target_ns if self.due_ns is None else max(self.now_ns, min(target_ns, self.due_ns))
