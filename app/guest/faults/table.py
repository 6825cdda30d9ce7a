"""The fault rules of one guest, by number, and which of them strike when something happens.

Kept here: rules are asked in the order of their numbers; a rule that does not match is not asked.
Left out: what happens then (app.guest.faults.ports), what begins and ends by itself (app.guest.faults.injector).
"""

from collections.abc import Collection, Iterator

from app.errors import CapacityError, Unknown
from app.guest.clock import SimulatedClock
from app.guest.condition import Condition
from app.guest.cost import Pace
from app.guest.faults.kinds import FaultKind
from app.guest.faults.rule import FaultSpec, Rule
from app.trace.events import ConditionChanged, FaultStruck
from app.trace.sink import Sink

LARGEST_NR_RULES = 64
# As large as a JSON integer can be: a seed that is told can be asked for.
_SEED_MASK = (1 << 53) - 1
# Any odd number: neighbouring rules get streams that have nothing in common.
_SEED_STEP = 0x9E3779B97F4A7C15
_NS_PER_US = 1000


class RuleTable:
    """Rules, and what they act on of the guest as a whole: its clock, its pace, its condition."""

    def __init__(
        self, clock: SimulatedClock, condition: Condition, pace: Pace, *, seed: int, sink: Sink
    ) -> None:
        """Starts without rules; seed: the guest's."""
        self.clock = clock
        self.condition = condition
        self.pace = pace
        self._seed = seed
        self._sink = sink
        self._rows: dict[int, Rule] = {}
        # The guest hangs or died just now: its drivers have still to be told.
        self.is_to_tell = False
        # The number given last; none is given twice.
        self.last_id = 0

    def __iter__(self) -> Iterator[Rule]:
        """Yields the rules by number."""
        return iter(tuple(self._rows.values()))

    def __len__(self) -> int:
        """Returns how many rules there are."""
        return len(self._rows)

    def get(self, rule_id: int) -> Rule:
        """Returns the rule of that number.

        Raises Unknown.
        """
        rule = self._rows.get(rule_id)
        if rule is None:
            raise Unknown("fault", rule_id, [str(known) for known in self._rows])
        return rule

    def add(self, spec: FaultSpec) -> Rule:
        """Adds a rule under the next number.

        Raises CapacityError.
        """
        if len(self._rows) >= LARGEST_NR_RULES:
            detail = f"{LARGEST_NR_RULES} fault rules exist, which is the limit for a guest"
            raise CapacityError(detail, limit=LARGEST_NR_RULES)
        self.last_id += 1
        rule = Rule(self.last_id, spec, self._seed_of(spec, self.last_id))
        self._rows[rule.id] = rule
        return rule

    def change(self, rule_id: int, spec: FaultSpec) -> Rule:
        """Lets a rule say something else; its counters go on, its stream begins anew with another seed.

        Raises Unknown.
        """
        old = self.get(rule_id)
        seed = self._seed_of(spec, rule_id)
        if seed == old.seed:
            old.spec = spec
            return old
        self._rows[rule_id] = Rule(rule_id, spec, seed, seen=old.seen, hits=old.hits)
        return self._rows[rule_id]

    def remove(self, rule_id: int) -> Rule:
        """Takes a rule away and returns it.

        Raises Unknown.
        """
        rule = self.get(rule_id)
        del self._rows[rule_id]
        return rule

    def take_over(self, other: "RuleTable") -> None:
        """Becomes a copy of another guest's rules, in the same state."""
        self._rows = {rule.id: rule.fork() for rule in other}
        self.last_id = other.last_id

    def striking(
        self,
        kinds: Collection[FaultKind],
        device_id: str,
        *,
        request: str | None = None,
        level: str | None = None,
        span: tuple[int, int] | None = None,
    ) -> Iterator[Rule]:
        """Yields the rules that strike at an opportunity, one after the other; a later one is asked only if wanted.

        span: the physical addresses [start, end) that it is about; None: all of the device.
        """
        for rule in self:
            if (
                rule.spec.kind not in kinds
                or rule.spec.is_timed
                or not rule.spec.match.covers_device(device_id)
            ):
                continue
            match = rule.spec.match
            is_meant = match.request in (None, request) and match.level in (None, level)
            if is_meant and (span is None or match.touches(*span)) and rule.strikes():
                self.tell(rule, device_id)
                self.pace.delay_ns += rule.spec.delay_us * _NS_PER_US
                yield rule

    def in_force(self, kind: FaultKind) -> Iterator[Rule]:
        """Yields the rules of a kind whose window is open."""
        now_ns = self.clock.now_ns
        return (rule for rule in self if rule.spec.kind is kind and rule.is_in_force(now_ns))

    def refresh(self) -> None:
        """Lets the guest hang, go on, and be as slow as its rules say now."""
        slowness = 1.0
        for rule in self.in_force(FaultKind.GUEST_SLOW):
            slowness *= rule.spec.factor
        self.pace.slowness = slowness
        before = self.condition.health
        if any(True for _ in self.in_force(FaultKind.GUEST_HUNG)):
            self.condition.hang()
        else:
            self.condition.go_on()
        if self.condition.health is not before:
            self._note_condition()

    def crash(self, rule: Rule) -> None:
        """The guest dies of a rule."""
        if self.condition.is_crashed:
            return
        self.condition.crash(rule.spec.reason)
        self._note_condition()
        if rule.spec.reboot_after_us is not None:
            rule.reboots_ns = self.clock.now_ns + rule.spec.reboot_after_us * _NS_PER_US

    def tell(self, rule: Rule, device_id: str) -> None:
        """Says that a rule struck."""
        self._sink.emit(FaultStruck(rule.id, str(rule.spec.kind), device_id, self.clock.now_us))

    def _note_condition(self) -> None:
        condition = self.condition
        self.is_to_tell = True
        self._sink.emit(ConditionChanged(str(condition.health), condition.reason, self.clock.now_us))

    def state(self) -> tuple[object, ...]:
        """Returns everything of it that decides what happens next, for a digest."""
        return (self.last_id, *(rule.state() for rule in self)) if self.last_id else ()

    def _seed_of(self, spec: FaultSpec, rule_id: int) -> int:
        if spec.seed is not None:
            return spec.seed
        return (self._seed + rule_id * _SEED_STEP) & _SEED_MASK
