"""The agenda: who is due first acts first, at his time."""

from dataclasses import dataclass, field

from app.guest.agenda import Agenda
from app.guest.clock import SimulatedClock
from app.guest.condition import Condition


@dataclass
class Diary:
    """Acts at the moments that it was given, and notes the clock."""

    clock: SimulatedClock
    name: str
    moments: list[int]
    notes: list[tuple[str, int]] = field(default_factory=list)

    def due_ns(self) -> int | None:
        """The first moment that is left."""
        return self.moments[0] if self.moments else None

    def act(self) -> None:
        """Notes the moment."""
        self.moments.pop(0)
        self.notes.append((self.name, self.clock.now_ns))


def agenda_of(*moments: list[int]) -> tuple[Agenda, list[tuple[str, int]]]:
    """Returns an agenda of diaries a, b ..., and the notes that they share."""
    agenda = Agenda(SimulatedClock())
    notes: list[tuple[str, int]] = []
    for name, its in zip("abc", moments, strict=False):
        agenda.add(Diary(agenda.clock, name, its, notes))
    return agenda, notes


def test_actors_act_in_order_of_time() -> None:
    """The clock stands at each one's moment; those due together act in the order in which they were added."""
    agenda, notes = agenda_of([5, 30], [5, 10])
    assert agenda.next_due_ns() == 5
    assert agenda.run_until(20)
    assert notes == [("a", 5), ("b", 5), ("b", 10)]
    assert (agenda.clock.now_ns, agenda.next_due_ns()) == (20, 30)


def test_late_actor_acts_at_once_and_the_clock_stays() -> None:
    """A moment that has passed is now; the clock never goes back."""
    agenda, notes = agenda_of([5])
    agenda.clock.advance_to(50)
    assert agenda.run_until(50)
    assert notes == [("a", 50)]


def test_acts_are_limited_and_the_rest_follows() -> None:
    """With max_acts the clock stays where the last act was, and the next call goes on."""
    agenda, notes = agenda_of([1, 2, 3])
    assert not agenda.run_until(10, max_acts=2)
    assert (len(notes), agenda.clock.now_ns) == (2, 2)
    assert agenda.run_until(10, max_acts=2)
    assert (len(notes), agenda.clock.now_ns) == (3, 10)


def test_run_while_ends_with_its_reason_or_with_the_last_actor() -> None:
    """It lets everybody act in turn as long as it is wanted, and says whether max_acts ended it."""
    agenda, notes = agenda_of([1, 4], [2])
    assert agenda.run_while(lambda: len(notes) < 2)
    assert notes == [("a", 1), ("b", 2)]
    assert not agenda.run_while(lambda: True, max_acts=0)
    assert agenda.run_while(lambda: True)
    assert agenda.clock.now_ns == 4


def test_removed_actor_acts_no_more() -> None:
    """Who was taken off is not asked."""
    agenda, notes = agenda_of([1])
    other = Diary(agenda.clock, "x", [1], notes)
    agenda.add(other)
    agenda.remove(other)
    assert agenda.run_until(5)
    assert notes == [("a", 1)]


def test_only_the_host_acts_while_the_guest_does_not_run() -> None:
    """What the guest missed is done late, once it goes on; the host's side has kept its times."""
    clock = SimulatedClock()
    notes: list[tuple[str, int]] = []
    condition = Condition(clock)
    agenda = Agenda(clock, condition)
    agenda.add(Diary(clock, "guest", [1, 4], notes))
    host = Diary(clock, "host", [2, 3, 9], notes)
    agenda.add(host, is_of_host=True)
    condition.hang()
    assert agenda.next_due_ns() == 2
    assert agenda.run_until(8)
    assert notes == [("host", 2), ("host", 3)]
    condition.go_on()
    assert agenda.run_until(8)
    assert notes[2:] == [("guest", 8), ("guest", 8)]
    agenda.remove(host)
    condition.crash("kernel panic")
    assert agenda.next_due_ns() is None
