"""The files of /proc: each is there, and reads as the real one does."""

import re

import pytest

from app.guest.proc_files import PROC_FILES
from tests.guest.programs.small import small_guest

PATTERNS = {
    "buddyinfo": r"(Node \d+, zone +\w+( +\d+)+ *\n)+",
    "pagetypeinfo": r"Page block order: [^$]*",
    "zoneinfo": r"Node 0, zone [^$]*",
    "meminfo": r"MemTotal: +\d+ kB\n[^$]*",
    "vmstat": r"(\w+ \d+\n)+",
    "loadavg": r"(\d+\.\d\d ){3}\d+/\d+ \d+\n",
    "pressure/memory": r"(some|full)( avg\d+=\d+\.\d\d){3} total=\d+\n(full)( avg\d+=\d+\.\d\d){3} total=\d+\n",
    "kmsg": r"",
}


@pytest.mark.parametrize("name", PROC_FILES)
def test_files_read_as_the_real_ones(name: str) -> None:
    """A parser of the real file reads it."""
    assert re.fullmatch(PATTERNS[name], small_guest().proc(name))
