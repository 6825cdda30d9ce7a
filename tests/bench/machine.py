"""What the figures were measured on: processor, cores, kernel, Python. No host name.

Also reads this process's own resident memory.
"""

import ctypes
import gc
import os
import platform
from contextlib import suppress
from pathlib import Path

_KIB = 1024


def describe() -> str:
    """Returns one line about this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = f"{platform.system()} on {platform.machine()}"
    return f"{_cpu_model()}, {cores} cores, {system}, Python {platform.python_version()}"


def load_average() -> float:
    """Returns how many processes wanted a core during the last minute; more than there are spoils elapsed times."""
    return os.getloadavg()[0]


def resident_bytes() -> int:
    """Returns the bytes resident in this process; exact, where statm's counters per thread lag behind.

    What the C library has kept back of freed memory, for the process's next need, goes back first.
    """
    gc.collect()
    with suppress(AttributeError):  # glibc has it
        ctypes.CDLL(None).malloc_trim(0)
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * _KIB
    msg = "smaps_rollup has no Rss line"
    raise RuntimeError(msg)


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"
