"""Where fault rules act on one device and its driver: what is asked before a request, an attempt, an addition.

Kept here: pages that are held for an attempt are after it what they were, where they were.
Left out: rules (app.guest.faults.table), and who asks (app.virtio_mem, app.guest.devices).
"""

from collections.abc import Callable

import numpy as np

from app.guest.faults.kinds import AT_CONTIG, AT_REQUESTS, FaultKind
from app.guest.faults.rule import Rule
from app.guest.faults.table import RuleTable
from app.mm.node import Node
from app.mm.outcome import ContigOutcome, Errno
from app.mm.owned import movable_runs, pin_runs, set_kinds
from app.trace.events import ContigAttempted
from app.virtio_mem.protocol import Request, RequestType, ResponseType
from app.virtio_mem.region import DeviceRegion

_ANSWERS = {
    FaultKind.DEVICE_BUSY: ResponseType.BUSY,
    FaultKind.DEVICE_NACK: ResponseType.NACK,
    FaultKind.DEVICE_ERROR: ResponseType.ERROR,
}
_REFUSALS = {
    FaultKind.CONTIG_BUSY: ContigOutcome(Errno.EBUSY, "isolate"),
    FaultKind.CONTIG_NOMEM: ContigOutcome(Errno.ENOMEM, "migrate"),
}
_AT_REQUESTS = AT_REQUESTS | {FaultKind.GUEST_HUNG, FaultKind.GUEST_CRASH}


class DeviceFaults:
    """What the rules do to one device and its driver."""

    def __init__(self, rules: RuleTable, device_id: str, region: DeviceRegion, node: Node) -> None:
        """Acts by `rules`, which are the guest's."""
        self._rules = rules
        self._device_id = device_id
        self._region = region
        self._node = node

    # -------------------------------------------------------------------------------- the host's side

    def answer(self, request: Request) -> ResponseType | None:
        """Returns what a request gets instead of being served; None: it is served."""
        kind, addr, nb_blocks = request
        end = addr + nb_blocks * self._region.block_size
        span = None if kind is RequestType.UNPLUG_ALL else (addr, end)
        name = kind.name.lower()
        for rule in self._rules.striking(_AT_REQUESTS, self._device_id, request=name, span=span):
            if rule.spec.kind in _ANSWERS:
                return _ANSWERS[rule.spec.kind]
            if rule.spec.kind is FaultKind.GUEST_CRASH:
                self._rules.crash(rule)
            elif rule.spec.kind is FaultKind.GUEST_HUNG:
                rule.begin(self._rules.clock.now_ns)
                self._rules.refresh()
        return None

    def is_notification_lost(self) -> bool:
        """Whether the guest is not told of the requested size that is being set."""
        return self._strikes(FaultKind.NOTIFICATION_LOST)

    # ------------------------------------------------------------------------------- the guest's side

    def is_absent(self) -> bool:
        """Whether the driver begins no work now."""
        return bool(self._absences())

    def absence_ends_ns(self) -> int | None:
        """When it begins work again; None when it is not absent, or nobody knows."""
        ends_ns = [rule.ends_ns for rule in self._absences()]
        known = [moment for moment in ends_ns if moment is not None]
        return max(known) if known and len(known) == len(ends_ns) else None

    def is_breaking(self) -> bool:
        """Whether the driver breaks as it begins a work item."""
        return self._strikes(FaultKind.DRIVER_BROKEN)

    def contig(
        self, start_pfn: int, end_pfn: int, *, level: str, attempt: Callable[[], ContigOutcome]
    ) -> ContigOutcome:
        """Makes an attempt to take [start_pfn, end_pfn), unless a rule answers for it or hinders it."""
        span = self._span(start_pfn, end_pfn)
        for rule in self._rules.striking(AT_CONTIG, self._device_id, level=level, span=span):
            if rule.spec.kind is FaultKind.MIGRATION_FAILS:
                return self._with_held_pages(rule, start_pfn, end_pfn, attempt=attempt)
            outcome = _REFUSALS[rule.spec.kind]
            self._node.sink.emit(
                ContigAttempted(start_pfn, end_pfn, str(outcome.result), outcome.step, outcome.nr_migrated)
            )
            return outcome
        return attempt()

    def add_memory(self, start_pfn: int, end_pfn: int) -> Errno:
        """Returns what adding [start_pfn, end_pfn) to Linux answers before it is tried; OK: it is tried."""
        kinds = (FaultKind.ADD_MEMORY_NOMEM,)
        for _ in self._rules.striking(kinds, self._device_id, span=self._span(start_pfn, end_pfn)):
            return Errno.ENOMEM
        return Errno.OK

    # ---------------------------------------------------------------------------------------- inside

    def _absences(self) -> list[Rule]:
        absences = self._rules.in_force(FaultKind.DRIVER_ABSENT)
        return [rule for rule in absences if rule.spec.match.covers_device(self._device_id)]

    def _strikes(self, kind: FaultKind) -> bool:
        return any(True for _ in self._rules.striking((kind,), self._device_id))

    def _span(self, start_pfn: int, end_pfn: int) -> tuple[int, int]:
        size = self._node.geometry.page_size
        return start_pfn * size, end_pfn * size

    def _with_held_pages(
        self, rule: Rule, start_pfn: int, end_pfn: int, *, attempt: Callable[[], ContigOutcome]
    ) -> ContigOutcome:
        """Holds a part of the movable runs, as somebody does who looks at pages just now, and lets go of them."""
        runs = movable_runs(self._node, start_pfn, end_pfn)
        nr_held = int(np.ceil(len(runs) * rule.spec.fraction))
        held = runs[rule.stream.choose(len(runs), nr_held)]
        pin_runs(self._node, np.ascontiguousarray(held[:, 0]))
        try:
            return attempt()
        finally:
            set_kinds(self._node, held)
