"""What a guest's kernel tells of its programs: load, pressure, counters and its log, which monitors read.

Left out: who the programs are, and when they act (app.guest.programs.programs).
"""

from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass, field

from app.guest.programs.kernel_log import KernelLog
from app.guest.programs.load_average import LoadAverage
from app.guest.programs.metrics import Gauge
from app.guest.programs.page_supply import Counters, Supply
from app.guest.programs.phases import NS_PER_S
from app.guest.programs.pressure import Pressure
from app.mm import vmstat
from app.mm.node import Node


@dataclass
class Signals:
    """The signals of one guest, since it was booted."""

    log: KernelLog = field(default_factory=KernelLog)
    load: LoadAverage = field(default_factory=LoadAverage)
    pressure: Pressure = field(default_factory=Pressure)
    counters: Counters = field(default_factory=Counters)

    def fork(self) -> "Signals":
        """Returns an independent copy."""
        return Signals(self.log.fork(), self.load.fork(), self.pressure.fork(), self.counters.fork())

    def book(self, result: Supply, now_ns: int, *, is_alone: bool) -> None:
        """Books what somebody had to wait for; is_alone: nobody else had work meanwhile."""
        if result.stall_ns or result.kswapd_ns:
            self.pressure.some.stall(now_ns, now_ns + max(result.stall_ns, result.kswapd_ns))
        if result.stall_ns and is_alone:
            self.pressure.full.stall(now_ns, now_ns + result.stall_ns)

    def vmstat(self, node: Node) -> str:
        """Returns /proc/vmstat."""
        return vmstat.vmstat(node, asdict(self.counters))

    def gauges(self, now_ns: int) -> Iterator[Gauge]:
        """Yields load, pressure and kills, as a monitor reads them."""
        one, five, fifteen = self.load.averages
        yield Gauge("host_load1", one, "Load average over a minute.")
        yield Gauge("host_load5", five, "Load average over five minutes.")
        yield Gauge("host_load15", fifteen, "Load average over a quarter of an hour.")
        self.pressure.count(now_ns)
        lines = (("some", "somebody", self.pressure.some), ("full", "everybody", self.pressure.full))
        for name, who, line in lines:
            text = f"Time in which {who} with work waited for memory."
            seconds = line.total_ns / NS_PER_S
            yield Gauge(f"host_memory_pressure_{name}_seconds_total", seconds, text, is_counter=True)
        kills = self.counters.oom_kill
        yield Gauge("host_oom_kills_total", kills, "Processes killed for want of memory.", is_counter=True)

    def state(self) -> tuple[object, ...]:
        """Returns everything that they know, for a digest."""
        return (self.load.state(), repr(self.pressure), astuple(self.counters), self.log.text())
