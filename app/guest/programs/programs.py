"""A guest's programs: the workload that plays on it, and what its kernel tells of them.

    agenda ──due──▶ programs ──▶ workload player ──▶ pages, or time lost for want of them
                        |                                 |
                        └── every 5 s: load average ◀─────┴──▶ pressure, counters, kernel log

Kept here: a copy goes on as the original does; a reboot starts the workload and all signals anew.
Left out: the guest's devices and their drivers, but for how many of those are at work.
"""

from collections.abc import Callable

from app.guest.condition import Condition
from app.guest.programs.oom import OomKiller
from app.guest.programs.page_supply import PageSupply
from app.guest.programs.phase_json import describe_script
from app.guest.programs.phase_work import PhaseWork
from app.guest.programs.phases import Script
from app.guest.programs.random_frees import RandomFrees
from app.guest.programs.reclaim import Reclaimer
from app.guest.programs.signals import Signals
from app.guest.programs.surroundings import Surroundings
from app.guest.programs.workload_player import WorkloadPlayer
from app.guest.random_stream import RandomStream
from app.trace.events import ConditionChanged

Description = dict[str, object]
_NS_PER_US = 1000
_NO_SCRIPT: Description = {"phases": [], "repeat": False, "tick_ms": None, "seed": None}
_NO_PLAY: Description = {"state": "none", "rounds": 0, "progress": []}


class Programs:
    """The programs of one guest, as an actor of its agenda."""

    def __init__(
        self, guest: Surroundings, condition: Condition, *, count_drivers_at_work: Callable[[], int]
    ) -> None:
        """Starts without a workload."""
        self.signals = Signals()
        self.player: WorkloadPlayer | None = None
        self.stream = RandomStream(0)
        self._guest = guest
        self._condition = condition
        self._count_drivers_at_work = count_drivers_at_work

    def take_over(self, other: "Programs", guest: Surroundings) -> None:
        """Goes on as another guest's programs do, independently; guest: what these live by from now on."""
        self._guest = guest
        self.signals, self.stream = other.signals.fork(), other.stream.fork()
        self.player = None if other.player is None else other.player.fork(self._make_work())

    def start(self, script: Script, seed: int) -> None:
        """Plays a script from now on, in place of the one before; seed: of its choices, unless it names one."""
        self.stream = RandomStream(seed if script.seed is None else script.seed)
        self._play(script, self._guest.clock.now_ns)

    def stop(self) -> None:
        """Stops the workload; what it allocated stays."""
        self.player = None

    def restart(self, begins_ns: int) -> None:
        """A reboot: all signals are as at the start, and the workload begins anew, at begins_ns."""
        self.signals = Signals()
        if self.player is not None:
            self._play(self.player.script, begins_ns)

    def due_ns(self) -> int | None:
        """When the workload acts next, or the load is sampled."""
        step_ns, sample_ns = self._step_due_ns(), self._sample_due_ns()
        if step_ns is None or sample_ns is None:
            return sample_ns if step_ns is None else step_ns
        return min(step_ns, sample_ns)

    def act(self) -> None:
        """Lets the workload do its next step, or samples the load."""
        now_ns = self._guest.clock.now_ns
        step_ns, sample_ns = self._step_due_ns(), self._sample_due_ns()
        if self.player is None or step_ns is None or (sample_ns is not None and sample_ns <= step_ns):
            self.signals.load.sample(now_ns, self._nr_tasks())
            return
        is_alone = self._nr_tasks() == 1
        result = self.player.act(now_ns)
        self.signals.book(result, now_ns, is_alone=is_alone)
        if result.panic:
            self._condition.crash(result.panic)
            self._guest.sink.emit(ConditionChanged("crashed", result.panic, now_ns // _NS_PER_US))

    def describe(self) -> Description:
        """Returns the script, as it is read, and what becomes of it, JSON-ready."""
        kills: Description = {"oom_kills": self.signals.counters.oom_kill}
        if self.player is None:
            return _NO_SCRIPT | _NO_PLAY | kills
        return describe_script(self.player.script) | self.player.describe() | kills

    def loadavg(self) -> str:
        """Returns /proc/loadavg; a process is a label, and its id that of its first allocation."""
        labels = {row.label or row.id for row in self._guest.table}
        return self.signals.load.text(
            nr_tasks=self._nr_tasks(), nr_processes=len(labels), last_pid=self._guest.table.last_id
        )

    def pressure(self) -> str:
        """Returns /proc/pressure/memory."""
        return self.signals.pressure.text(self._guest.clock.now_ns)

    def state(self) -> tuple[object, ...]:
        """Returns everything that decides what the programs do next, and what is told of them, for a digest."""
        player = None if self.player is None else (self.player.state(), self.stream.state())
        return (player, *self.signals.state())

    def _play(self, script: Script, begins_ns: int) -> None:
        self.player = WorkloadPlayer(script, self._make_work())
        self.player.begin(begins_ns)

    def _make_work(self) -> PhaseWork:
        frees = RandomFrees(self._guest, self.stream)
        supply = PageSupply(
            self._guest,
            reclaimer=Reclaimer(self._guest, frees),
            killer=OomKiller(self._guest, self.signals.log),
            counters=self.signals.counters,
        )
        return PhaseWork(self._guest, supply=supply, frees=frees)

    def _step_due_ns(self) -> int | None:
        return None if self.player is None else self.player.due_ns()

    def _sample_due_ns(self) -> int | None:
        return self.signals.load.due_ns(self._guest.clock.now_ns, is_busy=self._nr_tasks() > 0)

    def _nr_tasks(self) -> int:
        nr_phases = 0 if self.player is None else self.player.nr_tasks
        return nr_phases + self._count_drivers_at_work()
