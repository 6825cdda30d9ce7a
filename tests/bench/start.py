"""From the command to a service that answers: with kernels found compiled, without, and with nowhere to keep them."""

from collections.abc import Iterable
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.bench.servers import vmemsim
from tests.bench.subject import Effort
from tests.bench.table import Row, Target, at_most

_CACHE = "VMEMSIM_KERNEL_CACHE"
# No directory can be made below a file.
_NOWHERE = "/dev/null/kernels"


class Start(NamedTuple):
    """One start: what a person waits, and what it takes of a processor (less than that, on a busy machine)."""

    elapsed_s: float
    processor_s: float


def measure(effort: Effort) -> Iterable[Row]:
    """Yields seconds until the service has announced itself, which it does when it is ready."""
    with TemporaryDirectory() as folder:
        cold = _start(folder)
        warm = [_start(folder) for _ in range(effort.rounds)]
    yield _row("kernels found compiled", warm, at_most(1.5))
    yield _row("nothing compiled yet", [cold], at_most(15))
    yield _row("nowhere to keep kernels: compiled in memory", [_start(_NOWHERE)], None)


def _row(what: str, starts: list[Start], target: Target | None) -> Row:
    processor_s = median(start.processor_s for start in starts)
    elapsed = [start.elapsed_s for start in starts]
    return Row("start", what, "s", elapsed, target, f"{processor_s:.2f} s of processor time")


def _start(cache: str) -> Start:
    with vmemsim({_CACHE: cache}) as server:
        return Start(server.start_s, server.processor_s())
