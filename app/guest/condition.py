"""Whether a guest runs: running, hung until it goes on, asleep until it wakes, or crashed until it is rebooted.

Kept here: while a guest hangs, sleeps or is crashed, nothing on its side acts; the host's side goes on.
Left out: who stops and reboots it (app.guest.faults, app.guest.sleep, Guest.reboot).
"""

from enum import StrEnum

from app.errors import GuestCrashed, GuestHung, StateError
from app.guest.clock import SimulatedClock

_NS_PER_US = 1000


class Health(StrEnum):
    """What a guest is at."""

    RUNNING = "running"
    HUNG = "hung"
    ASLEEP = "asleep"
    CRASHED = "crashed"


class Condition:
    """A guest's health, and since when on its clock."""

    def __init__(self, clock: SimulatedClock) -> None:
        """Starts running."""
        self._clock = clock
        self.health = Health.RUNNING
        # What a crash left in the log, or how it sleeps; else "".
        self.reason = ""
        self.since_ns = clock.now_ns

    def take_over(self, other: "Condition") -> None:
        """Becomes as another guest's."""
        self.health, self.reason, self.since_ns = other.health, other.reason, other.since_ns

    @property
    def is_running(self) -> bool:
        """Whether the guest's side acts."""
        return self.health is Health.RUNNING

    @property
    def is_crashed(self) -> bool:
        """Whether only a reboot helps."""
        return self.health is Health.CRASHED

    def crash(self, reason: str) -> None:
        """The guest dies; one that is dead stays dead for its first reason."""
        if not self.is_crashed:
            self._become(Health.CRASHED, reason)

    def hang(self) -> None:
        """The guest stops; a dead one stays dead."""
        if self.is_running:
            self._become(Health.HUNG, "")

    def go_on(self) -> None:
        """A hung guest goes on where it stopped."""
        if self.health is Health.HUNG:
            self._become(Health.RUNNING, "")

    @property
    def is_asleep(self) -> bool:
        """Whether only waking helps, or a reboot."""
        return self.health is Health.ASLEEP

    def fall_asleep(self, kind: str) -> None:
        """A running guest sleeps, in a way that is called `kind`."""
        if self.is_running:
            self._become(Health.ASLEEP, kind)

    def wake_up(self) -> None:
        """A sleeping guest runs again."""
        if self.is_asleep:
            self._become(Health.RUNNING, "")

    def clear(self) -> None:
        """A reboot: whatever it was, the guest runs."""
        if not self.is_running:
            self._become(Health.RUNNING, "")

    def require_alive(self) -> None:
        """Raises GuestCrashed unless the guest may yet do what the host asks for."""
        if self.is_crashed:
            raise GuestCrashed(self.reason, since_us=self.since_ns // _NS_PER_US)

    def require_running(self) -> None:
        """Raises GuestCrashed, GuestHung, or StateError in its sleep, unless programs in the guest can act now."""
        self.require_alive()
        if self.is_asleep:
            raise StateError(
                f"the guest sleeps ({self.reason}) since {self.since_ns // _NS_PER_US} us of its clock"
            )
        if not self.is_running:
            raise GuestHung(since_us=self.since_ns // _NS_PER_US)

    def describe(self) -> dict[str, object]:
        """Returns it JSON-ready."""
        return {
            "state": str(self.health),
            "reason": self.reason or None,
            "since_us": self.since_ns // _NS_PER_US,
        }

    def state(self) -> tuple[object, ...]:
        """Returns everything of it that decides what the guest does next, for a digest."""
        return (str(self.health), self.reason)

    def _become(self, health: Health, reason: str) -> None:
        self.health, self.reason, self.since_ns = health, reason, self._clock.now_ns
