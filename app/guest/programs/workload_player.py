"""A guest's workload over time: plays a script of phases, tick by tick of the guest's clock.

    script     grow web ──▶ hold ──▶ release ──▶ over, or from the start
               leak (background) ───────────────────────▶ killed, or stopped

Kept here: equal scripts, seeds and guests make equal futures, whatever else moves the clock meanwhile; who waits for
memory loses time, and one who is late goes on where he was.
Left out: what a step does (app.guest.programs.phase_work), load and pressure (app.guest.programs.programs).
"""

from enum import StrEnum

from app.guest.programs.page_supply import Supply
from app.guest.programs.phase_work import Job, PhaseWork
from app.guest.programs.phases import Do, Script

_NS_PER_US = 1000


class Progress(StrEnum):
    """What became of a phase."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    # Its process was killed, and nobody starts it again.
    KILLED = "killed"


class WorkloadPlayer:
    """One script that plays on one guest."""

    def __init__(self, script: Script, work: PhaseWork) -> None:
        """Starts before the first phase."""
        self.script = script
        self._work = work
        self._jobs: list[Job] = []
        self._progress = [Progress.WAITING] * len(script.phases)
        # The phase that begins next.
        self._position = 0
        self.nr_rounds = 0

    def fork(self, work: PhaseWork) -> "WorkloadPlayer":
        """Returns an independent copy that works on another guest."""
        copy = WorkloadPlayer(self.script, work)
        copy._jobs = [job.fork() for job in self._jobs]
        copy._progress = self._progress[:]
        copy._position, copy.nr_rounds = self._position, self.nr_rounds
        return copy

    def begin(self, now_ns: int) -> None:
        """Begins with the first phase, and forgets what was before."""
        self._jobs.clear()
        self._progress = [Progress.WAITING] * len(self.script.phases)
        self._position = self.nr_rounds = 0
        self._go_on(now_ns)

    @property
    def is_over(self) -> bool:
        """Whether no phase runs any more."""
        return not self._jobs

    @property
    def nr_tasks(self) -> int:
        """How many phases have work."""
        return sum(job.phase.do is not Do.HOLD for job in self._jobs)

    def due_ns(self) -> int | None:
        """When the next step is due; None when the script is over."""
        return min((job.due_ns for job in self._jobs), default=None)

    def act(self, now_ns: int) -> Supply:
        """Does the step that is due first, and returns what it had to wait for."""
        job = min(self._jobs, key=lambda job: job.due_ns)
        job.elapsed_ns += job.step_ns
        result = self._work.step(job)
        self._plan(job, now_ns, stall_ns=result.stall_ns)
        for label in dict.fromkeys(result.killed):
            self._bury(label, now_ns)
        if job in self._jobs and job.is_over:
            # Who waited for memory in his last step is late.
            self._end(job, Progress.DONE, now_ns + result.stall_ns)
        return result

    def describe(self) -> dict[str, object]:
        """Returns what becomes of the script, JSON-ready."""
        elapsed_us = [0] * len(self._progress)
        for job in self._jobs:
            elapsed_us[job.number] = job.elapsed_ns // _NS_PER_US
        return {
            "state": "over" if self.is_over else "running",
            "rounds": self.nr_rounds,
            "progress": [
                {"state": str(state), "elapsed_us": elapsed}
                for state, elapsed in zip(self._progress, elapsed_us, strict=True)
            ],
        }

    def state(self) -> tuple[object, ...]:
        """Returns everything that decides what it does next, for a digest."""
        return (
            self.script,
            tuple(map(repr, self._jobs)),
            tuple(self._progress),
            self._position,
            self.nr_rounds,
        )

    def _go_on(self, now_ns: int) -> None:
        """Begins phases up to the first that the script waits for."""
        while self._position < len(self.script.phases) or self.script.repeats:
            if self._position == len(self.script.phases):
                self._position = 0
                self.nr_rounds += 1
            number = self._position
            self._position += 1
            if self._begin(number, now_ns, is_foreground=not self.script.phases[number].is_background):
                break

    def _begin(self, number: int, now_ns: int, *, is_foreground: bool) -> bool:
        """Begins a phase, unless it still runs; returns whether the script waits for it."""
        running = next((job for job in self._jobs if job.number == number), None)
        if running is not None:
            running.is_foreground |= is_foreground
            return is_foreground
        job = Job(number, self.script.phases[number], is_foreground, now_ns)
        self._work.begin(job)
        self._jobs.append(job)
        self._progress[number] = Progress.RUNNING
        self._plan(job, now_ns)
        return is_foreground

    def _plan(self, job: Job, now_ns: int, *, stall_ns: int = 0) -> None:
        """Sets a job's next step: a tick, or what is left of its time; nothing happens during a hold."""
        tick_ns = self.script.tick_ns
        left_ns = tick_ns if job.duration_ns is None else job.duration_ns - job.elapsed_ns
        job.step_ns = left_ns if job.phase.do is Do.HOLD else min(tick_ns, left_ns)
        # A phase without duration acts at once; but a round takes time, or it would repeat for ever.
        least_ns = tick_ns if self.script.repeats and job.duration_ns == 0 else 0
        job.due_ns = now_ns + max(job.step_ns, stall_ns, least_ns)

    def _bury(self, label: str, now_ns: int) -> None:
        """Ends the phases of a process that was killed, or starts them anew."""
        for job in [job for job in self._jobs if label in job.phase.labels]:
            if not job.phase.restarts:
                self._end(job, Progress.KILLED, now_ns)
            elif job.phase.do is not Do.CHURN:
                # A churn goes on, and comes back to its size at its own pace.
                self._work.begin(job)
                self._plan(job, now_ns)
        self._restart_finished(label, now_ns)

    def _restart_finished(self, label: str, now_ns: int) -> None:
        """Starts the phase anew that made a label and was over, if it says so."""
        makers = [number for number, phase in enumerate(self.script.phases) if label in phase.labels_made]
        finished = [number for number in makers if self._progress[number] is Progress.DONE]
        is_made = any(self._progress[number] is Progress.RUNNING for number in makers)
        if finished and not is_made and self.script.phases[finished[-1]].restarts:
            self._begin(finished[-1], now_ns, is_foreground=False)

    def _end(self, job: Job, progress: Progress, now_ns: int) -> None:
        self._jobs.remove(job)
        self._progress[job.number] = progress
        if job.is_foreground:
            self._go_on(now_ns)
