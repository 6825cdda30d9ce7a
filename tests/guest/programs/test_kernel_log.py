"""The kernel's log: lines as parsers expect them, the newest kept."""

import re

from app.guest.programs.kernel_log import LEVEL_EMERGENCY, NR_LINES_KEPT, KernelLog


def test_lines_bear_level_and_time() -> None:
    """Seconds and microseconds of the guest's clock, after the level."""
    log = KernelLog()
    log.write(12_345_678, "hello")
    log.write(12_345_679, "dead", level=LEVEL_EMERGENCY)
    assert log.text() == "<3>[   12.345678] hello\n<0>[   12.345679] dead\n"


def test_newest_lines_are_kept() -> None:
    """However much is written, memory stays bounded; a copy is independent."""
    log = KernelLog()
    for number in range(NR_LINES_KEPT + 10):
        log.write(number, f"line {number}")
    copy = log.fork()
    copy.write(0, "only here")
    assert re.findall(r"line (\d+)", log.text())[0] == "10"
    assert "only here" not in log.text()
    assert "only here" in copy.text()
