"""From the command to a service that answers: with kernels found compiled, without, and with nowhere to keep them."""

from collections.abc import Iterable
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.bench.servers import vmemsim
from tests.bench.subject import Effort
from tests.bench.table import Row, Target, at_most

_CACHE = "VMEMSIM_KERNEL_CACHE"
# Empty means no: the environment of whoever measures may forbid bytecode, and then every start compiles all of Python.
_WITH_BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
# No directory can be made below a file.
_NOWHERE = "/dev/null/kernels"


class Start(NamedTuple):
    """One start: what a person waits, and what it takes of a processor (less than that, on a busy machine)."""

    elapsed_s: float
    processor_s: float


def measure(effort: Effort) -> Iterable[Row]:
    """Yields seconds until the service has announced itself, which it does when it is ready."""
    with TemporaryDirectory() as kernels, TemporaryDirectory() as bytecode:
        _start(kernels, bytecode)
        warm = [_start(kernels, bytecode) for _ in range(effort.rounds)]
        with TemporaryDirectory() as empty:
            cold = _start(empty, bytecode)
        in_memory = _start(_NOWHERE, bytecode)
    yield _row("kernels found compiled", warm, at_most(1.5))
    yield _row("nothing compiled yet", [cold], at_most(15))
    yield _row("nowhere to keep kernels: compiled in memory", [in_memory], None)


def _row(what: str, starts: list[Start], target: Target | None) -> Row:
    processor_s = median(start.processor_s for start in starts)
    elapsed = [start.elapsed_s for start in starts]
    return Row("start", what, "s", elapsed, target, f"{processor_s:.2f} s of processor time")


def _start(kernels: str, bytecode: str) -> Start:
    """Starts the service with these places for compiled kernels and for Python's bytecode, which pip fills."""
    with vmemsim({_CACHE: kernels, **_WITH_BYTECODE, "PYTHONPYCACHEPREFIX": bytecode}) as server:
        return Start(server.start_s, server.processor_s())
