"""Averages that forget: the kernel's exponential decay in fixed point, which load averages and stall times share.

    next = present * weight + sample * (1 - weight)         weight = e^(-period / window)

Mirrors the documented formula of /proc/loadavg and of pressure stall information: numbers have eleven binary places,
and are rounded down when they fall, up when they rise, so that a constant sample is reached in the end.
Left out: what is averaged (app.guest.programs.load_average, app.guest.programs.pressure).
"""

FIXED_BITS = 11
FIXED_ONE = 1 << FIXED_BITS


def decayed(average: int, sample: int, *, weight: int) -> int:
    """Returns the average one period later; all three in fixed point."""
    total = average * weight + sample * (FIXED_ONE - weight)
    if sample >= average:
        total += FIXED_ONE - 1
    return total >> FIXED_BITS


def two_places(average: int) -> str:
    """Returns a fixed-point number as the kernel prints it: "1.07", cut after the second place."""
    fraction = (average & (FIXED_ONE - 1)) * 100 >> FIXED_BITS
    return f"{average >> FIXED_BITS}.{fraction:02d}"
