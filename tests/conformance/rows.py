"""Every rule for device and driver, read from rows.txt: whom it binds, how strictly, and how vmemsim keeps it.

V-1 to V-53 follow the virtio specification 1.3, 5.15, in our own words; V-Q1 to V-Q10 follow QEMU where it says more.
Left out: which tests show a row: they name it themselves (tests.conformance.table finds them).
"""

from pathlib import Path
from typing import NamedTuple

_PATH = Path(__file__).with_name("rows.txt")


class Row(NamedTuple):
    """One rule; who: device, driver or both."""

    id: str
    who: str
    level: str
    rule: str
    behaviour: str


def read_rows() -> list[Row]:
    """Returns the rows in their order."""
    lines = _PATH.read_text(encoding="utf-8").splitlines()
    return [Row(*line.split(" | ")) for line in lines if line and not line.startswith("#")]
