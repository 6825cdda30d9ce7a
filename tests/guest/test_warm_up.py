"""Warm-up: after it no call compiles anything."""

import subprocess
import sys
from pathlib import Path

from app.guest.warm_up import warm_up

ROOT = Path(__file__).parents[2]
# In a process of its own: here other tests have compiled kernels already.
PROBE = """
import importlib, pkgutil
from app.guest.warm_up import warm_up
from app.mm import kernels

def count():
    return {
        f"{module.name}.{name}": len(kernel.signatures)
        for module in pkgutil.iter_modules(kernels.__path__)
        for name, kernel in vars(importlib.import_module(f"app.mm.kernels.{module.name}")).items()
        if hasattr(kernel, "signatures")
    }

warm_up(lambda *_: None)
before = count()
from tests.guest.test_guest import replay
replay()
print({name: number for name, number in count().items() if number != before[name]})
"""


def test_warm_up_tells_progress_to_the_end() -> None:
    """The first report says 0, the last all, each with where kernels are kept."""
    told: list[tuple[int, int, str]] = []
    warm_up(lambda *report: told.append(report))
    assert told[0][0] == 0
    assert [report[0] for report in told] == list(range(told[-1][1] + 1))
    assert all(report[2] for report in told)


def test_warm_up_leaves_nothing_to_compile() -> None:
    """A guest that is filled, fragmented, resized and looked at needs no kernel that is not there."""
    done = subprocess.run([sys.executable, "-c", PROBE], check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "{}"


APART = (
    PROBE.split("warm_up(lambda", maxsplit=1)[0]
    + """
before = count()
from app.guest.warm_up import warm_up_apart
warm_up_apart()
print({name for name, number in count().items() if number != before[name] and "alloc" in name})
"""
)


def test_second_process_compiles_no_allocation() -> None:
    """Its share is what needs none: allocation alone takes as long, and is the first process's."""
    done = subprocess.run([sys.executable, "-c", APART], check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "set()"
