"""A guest's agenda: who acts when, on its one clock.

    now ──▶ the actor that is due first, at its time ──▶ the next ...        of those due together, the one that
                                                                             was added first
Kept here: the clock moves to each actor's moment and never back; an actor that is late acts at once. While the guest
does not run, only actors of the host's side act.
Left out: what the actors do (devices' drivers, programs, faults), and who lets time pass (app.operations).
"""

from collections.abc import Callable
from typing import Protocol

from app.guest.clock import SimulatedClock
from app.guest.condition import Condition


class Actor(Protocol):
    """Somebody who acts at moments of the clock."""

    def due_ns(self) -> int | None:
        """When it acts next; None: not by itself."""

    def act(self) -> None:
        """Acts, at the clock's present moment; afterwards it is due later, or not at all."""


class Agenda:
    """The actors of one guest, in the order in which they were added."""

    def __init__(self, clock: SimulatedClock, condition: Condition | None = None) -> None:
        """Starts without actors; condition: the guest's, one that always runs when left out."""
        self.clock = clock
        self._condition = Condition(clock) if condition is None else condition
        self._actors: list[Actor] = []
        # Those that act whatever becomes of the guest.
        self._of_host: list[Actor] = []

    def add(self, actor: Actor, *, is_of_host: bool = False) -> None:
        """Adds an actor, behind those that are there; is_of_host: it acts while the guest does not run, too."""
        self._actors.append(actor)
        if is_of_host:
            self._of_host.append(actor)

    def remove(self, actor: Actor) -> None:
        """Takes an actor off; one that is not there is a defect."""
        self._actors.remove(actor)
        if actor in self._of_host:
            self._of_host.remove(actor)

    def next_due_ns(self) -> int | None:
        """Returns when somebody acts next, the past included; None: nobody will by himself."""
        return self._first()[1]

    def run_until(self, end_ns: int, *, max_acts: int | None = None) -> bool:
        """Lets everybody act who is due by `end_ns`, at most max_acts acts; returns whether the clock is there."""
        left = max_acts
        while left is None or left > 0:
            actor, due_ns = self._first()
            if actor is None or due_ns is None or due_ns > end_ns:
                self.clock.advance_to(end_ns)
                return True
            self._let_act(actor, due_ns)
            left = None if left is None else left - 1
        return False

    def run_while(self, is_wanted: Callable[[], bool], *, max_acts: int | None = None) -> bool:
        """Lets everybody act in turn while is_wanted(); returns False when max_acts ended it.

        Ends, too, when nobody is due any more.
        """
        left = max_acts
        while is_wanted():
            if left == 0:
                return False
            actor, due_ns = self._first()
            if actor is None or due_ns is None:
                break
            self._let_act(actor, due_ns)
            left = None if left is None else left - 1
        return True

    def _let_act(self, actor: Actor, due_ns: int) -> None:
        self.clock.advance_to(due_ns)
        actor.act()

    def _first(self) -> tuple[Actor | None, int | None]:
        """Returns who is due first, and when."""
        first: Actor | None = None
        first_ns: int | None = None
        for actor in self._actors if self._condition.is_running else self._of_host:
            due_ns = actor.due_ns()
            if due_ns is not None and (first_ns is None or due_ns < first_ns):
                first, first_ns = actor, due_ns
        return first, first_ns
