"""A guest's faults: rules added, changed and removed; what begins and ends by itself, as an actor of the agenda.

    added ──after_us──▶ in force ──duration_us──▶ over          hung, slow, absent
    added ──after_us──▶ dead ──reboot_after_us──▶ rebooted      crash

It is on the host's side: a guest that stands still does not keep it from acting.
Kept here: a device or driver that no rule is about is asked nothing.
Left out: what a rule does at a device or driver (app.guest.faults.ports).
"""

from collections.abc import Callable
from weakref import WeakMethod

from app.guest.devices import Devices
from app.guest.faults.kinds import AT_CONTIG, FaultKind
from app.guest.faults.ports import DeviceFaults
from app.guest.faults.rule import FaultSpec, Rule
from app.guest.faults.rules_json import rule_members
from app.guest.faults.table import RuleTable
from app.guest.faults.warnings import warnings_of
from app.mm.node import Node

_NS_PER_US = 1000
_AT_DRIVER = AT_CONTIG | {FaultKind.ADD_MEMORY_NOMEM}


class Faults:
    """The faults of one guest."""

    def __init__(
        self, node: Node, devices: Devices, rules: RuleTable, *, reboot: Callable[[], None] | None
    ) -> None:
        """Starts without rules; reboot: a method of the guest, which is not kept alive by it; None: it cannot."""
        self._node = node
        self._devices = devices
        self.rules = rules
        self._reboot = None if reboot is None else WeakMethod(reboot)

    # ---------------------------------------------------------------------------------------- rules

    def add(self, spec: FaultSpec) -> dict[str, object]:
        """Adds a rule and returns it; one that can match nothing is added with a warning.

        Raises CapacityError.
        """
        rule = self.rules.add(spec)
        self._begin(rule)
        return self.describe(rule)

    def change(self, rule_id: int, spec: FaultSpec) -> dict[str, object]:
        """Lets a rule say something else; what it had begun is over, and begins anew if the rule says so.

        Raises Unknown.
        """
        rule = self.rules.change(rule_id, spec)
        self._end(rule)
        self._begin(rule)
        return self.describe(rule)

    def remove(self, rule_id: int) -> None:
        """Takes a rule away; what it had begun is over, but the dead stay dead.

        Raises Unknown.
        """
        self._end(self.rules.remove(rule_id))
        self.wire()

    def get(self, rule_id: int) -> Rule:
        """Returns a rule.

        Raises Unknown.
        """
        return self.rules.get(rule_id)

    def describe(self, rule: Rule) -> dict[str, object]:
        """Returns a rule JSON-ready: what it says, what it did, and why it may do nothing."""
        return {
            "id": rule.id,
            **rule_members(rule.spec),
            **({"seed": rule.seed} if "seed" in rule_members(rule.spec) else {}),
            "seen": rule.seen,
            "hits": rule.hits,
            "is_in_force": self._is_in_force(rule),
            "warnings": warnings_of(rule.spec, self._devices, can_reboot=self._reboot is not None),
        }

    def describe_all(self) -> list[dict[str, object]]:
        """Returns every rule, by number."""
        return [self.describe(rule) for rule in self.rules]

    def state(self) -> tuple[object, ...]:
        """Returns everything that decides what happens next, for a digest."""
        return self.rules.state()

    def take_over(self, other: "Faults") -> None:
        """Becomes a copy of another guest's faults, in the same state."""
        self.rules.take_over(other.rules)
        self.rules.refresh()
        self.wire()

    # -------------------------------------------------------------------------------------- the actor

    def due_ns(self) -> int | None:
        """When something begins or ends next."""
        rules = self.rules
        if rules.is_to_tell or (rules.condition.is_crashed and self._devices.is_any_at_work):
            return rules.clock.now_ns
        if not len(rules):
            return None
        moments = [moment for rule in self.rules for moment in self._moments(rule)]
        return min(moments, default=None)

    def act(self) -> None:
        """Begins and ends what is due."""
        now_ns = self.rules.clock.now_ns
        for rule in self.rules:
            is_begun = rule.begins_ns is not None and rule.begins_ns <= now_ns
            if is_begun and not rule.has_begun:
                rule.has_begun = True
                self._strike(rule)
            if rule.ends_ns is not None and rule.ends_ns <= now_ns:
                rule.begins_ns = rule.ends_ns = None
            if rule.reboots_ns is not None and rule.reboots_ns <= now_ns:
                rule.reboots_ns = None
                self._reboot_guest()
        self.rules.refresh()
        self._tell_drivers()

    # ---------------------------------------------------------------------------------------- inside

    def _is_in_force(self, rule: Rule) -> bool:
        """Whether a rule may strike at its next opportunity, or its window is open."""
        if rule.spec.is_timed or rule.begins_ns is not None:
            return rule.is_in_force(self.rules.clock.now_ns)
        return not rule.is_used_up

    def _moments(self, rule: Rule) -> list[int]:
        """Returns when a rule wants to act."""
        begins_ns = None if rule.has_begun else rule.begins_ns
        return [moment for moment in (begins_ns, rule.ends_ns, rule.reboots_ns) if moment is not None]

    def _begin(self, rule: Rule) -> None:
        """Says when a rule that begins by itself does, and lets it, if that is now."""
        if rule.spec.is_timed:
            rule.begin(self.rules.clock.now_ns + rule.spec.after_us * _NS_PER_US)
            rule.has_begun = False
            if not rule.spec.after_us:
                self.act()
        self.wire()

    def _end(self, rule: Rule) -> None:
        rule.begins_ns = rule.ends_ns = rule.reboots_ns = None
        self.rules.refresh()
        self._tell_drivers()

    def _strike(self, rule: Rule) -> None:
        """Counts what begins by itself; the guest dies, if that is what the rule is about."""
        rule.seen += 1
        rule.hits += 1
        self.rules.tell(rule, rule.spec.match.device or "")
        if rule.spec.kind is FaultKind.GUEST_CRASH:
            self.rules.crash(rule)
            rule.begins_ns = None

    def _reboot_guest(self) -> None:
        if self._reboot is None:
            # A captured guest stays dead: nobody knows what it would boot from.
            return
        reboot = self._reboot()
        assert reboot is not None, "who acts for a guest has it"
        if self.rules.condition.is_crashed:
            reboot()

    def after_reboot(self) -> None:
        """Ends what hung the guest that was, and lets the new drivers ask."""
        for rule in self.rules.in_force(FaultKind.GUEST_HUNG):
            rule.begins_ns = rule.ends_ns = None
        self.wire()

    def wire(self) -> None:
        """Lets devices and drivers ask, where there are rules about them."""
        kinds = {rule.spec.kind for rule in self.rules}
        asks_device = any(rule.spec.is_at_requests for rule in self.rules)
        for attached in self._devices:
            port = DeviceFaults(self.rules, attached.device.id, attached.device.region, self._node)
            attached.faults = port if kinds else None
            attached.device.interference = port.answer if asks_device else None
            attached.driver.set_interference(port if kinds & _AT_DRIVER else None)

    def _tell_drivers(self) -> None:
        """Ends what the drivers of a dead guest were at, and wakes those that were away while their target was set."""
        self.rules.is_to_tell = False
        for attached in self._devices:
            driver = attached.driver
            if self.rules.condition.is_crashed:
                attached.abandon()
            elif (driver.queue.is_config_changed or driver.is_work_queued) and not driver.is_broken:
                attached.wake()
