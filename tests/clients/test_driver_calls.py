"""Calls on drivers: what goes out, and how answers are read."""

import pytest

from clients import _driver_calls as calls
from clients.specs import DriverParameters
from tests.clients import recorded
from tests.clients.call_tables import Case, check

PATH = "/v1/guests/web/virtio-mem/vm0/driver"
BIG = {**recorded.DEVICE, "mode": "bbm", "subblock_size": None, "big_block_size": 1 << 28}
CASES = {
    "load": Case(calls.load_driver("web", "vm0"), "POST", f"{PATH}/load", (), {}, recorded.DEVICE, "sbm"),
    "load with parameters": Case(
        calls.load_driver("web", "vm0", DriverParameters(force_bbm=True, bbm_block_size=1 << 28)),
        "POST",
        f"{PATH}/load",
        (),
        {"force_bbm": True, "bbm_block_size": 1 << 28},
        BIG,
        "bbm",
    ),
    "unload": Case(
        calls.unload_driver("web", "vm0"), "POST", f"{PATH}/unload", (), None, recorded.DEVICE, "sbm"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_call_says_what_the_service_expects_and_reads_its_answer(name: str) -> None:
    """Method, path, query and body; and the answer as a value."""
    check(CASES[name])
