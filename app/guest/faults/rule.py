"""One fault rule: what it says, how often it was asked and struck, and its own stream of chance.

Kept here: a rule's draws depend on its seed and its opportunities alone, never on other rules.
Left out: what a kind does (app.guest.faults.ports, app.guest.faults.injector).
"""

from copy import deepcopy
from dataclasses import dataclass, field

from app.guest.faults.kinds import AT_REQUESTS, MOMENTS, WINDOWS, FaultKind
from app.guest.random_stream import RandomStream

_NS_PER_US = 1000
# Half a word decides: finer probabilities are rounded to 2^-32.
_ONE = 1 << 32


@dataclass(frozen=True, kw_only=True)
class Match:
    """Which opportunities a rule looks at; None: any."""

    device: str | None = None
    # As the API calls it: plug, unplug, unplug_all.
    request: str | None = None
    level: str | None = None
    # Physical addresses [start_addr, end_addr): what is acted on touches them.
    start_addr: int | None = None
    end_addr: int | None = None

    @property
    def is_any(self) -> bool:
        """Whether everything matches."""
        return self == Match()

    def covers_device(self, device_id: str) -> bool:
        """Whether a device is meant."""
        return self.device is None or self.device == device_id

    def touches(self, start_addr: int, end_addr: int) -> bool:
        """Whether [start_addr, end_addr) is meant, or a part of it."""
        is_below = self.end_addr is not None and self.end_addr <= start_addr
        is_above = self.start_addr is not None and end_addr <= self.start_addr
        return not is_below and not is_above


@dataclass(frozen=True, kw_only=True)
class FaultSpec:
    """What a rule says; members that its kind does not have are at their defaults."""

    kind: FaultKind
    match: Match = Match()
    probability: float = 1.0
    # None: as often as it is drawn.
    count: int | None = None
    skip: int = 0
    # None: follows from the guest's seed and the rule's number.
    seed: int | None = None
    delay_us: int = 0
    after_us: int = 0
    # None: until the rule is removed.
    duration_us: int | None = None
    fraction: float = 1.0
    factor: float = 1.0
    reason: str = "kernel panic"
    # None: it stays dead.
    reboot_after_us: int | None = None

    @property
    def waits_for_request(self) -> bool:
        """Whether a fault of the whole guest is set off by a request."""
        return self.kind in {FaultKind.GUEST_CRASH, FaultKind.GUEST_HUNG} and not self.match.is_any

    @property
    def is_at_requests(self) -> bool:
        """Whether its opportunities are a device's requests."""
        return self.kind in AT_REQUESTS or self.waits_for_request

    @property
    def is_timed(self) -> bool:
        """Whether it begins by itself."""
        return self.kind in WINDOWS | MOMENTS and not self.waits_for_request


@dataclass
class Rule:
    """A rule of one guest."""

    id: int
    spec: FaultSpec
    seed: int
    # Opportunities that matched, and how often it struck.
    seen: int = 0
    hits: int = 0
    # When it is in force, on the guest's clock: None for never, or without end.
    begins_ns: int | None = None
    ends_ns: int | None = None
    # Whether what begins by itself did.
    has_begun: bool = False
    # When it reboots the guest that it killed.
    reboots_ns: int | None = None
    stream: RandomStream = field(init=False)

    def __post_init__(self) -> None:
        """Starts its stream."""
        self.stream = RandomStream(self.seed)

    def fork(self) -> "Rule":
        """Returns an independent copy that will draw the same."""
        return deepcopy(self)

    def begin(self, now_ns: int) -> None:
        """Is in force from now on, for as long as it says."""
        duration_us = self.spec.duration_us
        self.begins_ns = now_ns
        self.has_begun = True
        self.ends_ns = None if duration_us is None else now_ns + duration_us * _NS_PER_US

    def is_in_force(self, now_ns: int) -> bool:
        """Whether a window is open."""
        if self.begins_ns is None or self.begins_ns > now_ns:
            return False
        return self.ends_ns is None or now_ns < self.ends_ns

    @property
    def is_used_up(self) -> bool:
        """Whether it has struck as often as it may."""
        return self.spec.count is not None and self.hits >= self.spec.count

    def strikes(self) -> bool:
        """Counts an opportunity that matches, and tells whether the fault happens."""
        self.seen += 1
        if self.seen <= self.spec.skip or self.is_used_up:
            return False
        if self.spec.probability < 1 and int(self.stream.below(_ONE, 1)[0]) >= self.spec.probability * _ONE:
            return False
        self.hits += 1
        return True

    def state(self) -> tuple[object, ...]:
        """Returns everything of it that decides what happens next, for a digest."""
        times = (self.begins_ns, self.has_begun, self.ends_ns, self.reboots_ns)
        return (self.id, self.spec, self.seed, self.seen, self.hits, times, self.stream.state())
