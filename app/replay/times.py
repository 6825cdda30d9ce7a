"""Times in a file: a number of seconds, or a number with its unit: 90, 1.5s, 250ms, 10us, 2min, 1h."""

import re
from fractions import Fraction

from app.scenario.reading.document import Value

NS_PER_US = 1000
# A year of the guest's time.
LONGEST_US = 366 * 24 * 3600 * 1_000_000
_TIME = re.compile(r"(?P<number>\d{1,12}(\.\d{1,9})?)\s*(?P<unit>us|ms|s|min|h|)", re.ASCII)
_FACTORS = {"us": 1, "ms": 1000, "s": 1_000_000, "": 1_000_000, "min": 60_000_000, "h": 3_600_000_000}


def read_time(value: Value) -> int:
    """Returns a time in microseconds.

    Raises ScenarioInvalid.
    """
    text = value.content if isinstance(value.content, str) else ""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise value.refuse("a time: seconds, or a number with us, ms, s, min or h")
    time_us = Fraction(match["number"]) * _FACTORS[match["unit"]]
    if time_us > LONGEST_US:
        raise value.refuse("at most 366 days")
    if time_us.denominator != 1:
        raise value.refuse("whole microseconds")
    return int(time_us)


def format_time(time_us: int) -> str:
    """Returns a moment as a column of seconds shows it."""
    return f"{time_us / 1_000_000:.6f} s"
