"""An autoscaler against the live service: it reads what an agent in the guest exports, and gives memory in time."""

import re

from clients.client import Client
from clients.sizes import GIB, MIB
from clients.specs import ClockSpec, DeviceSpec, GuestSpec, ScriptSpec

STEP = 256 * MIB
SCRIPT = ScriptSpec(
    phases=[
        {"do": "grow", "label": "cache", "kind": "file", "by": 200 * MIB, "seconds": 10},
        {"do": "leak", "label": "web", "rate": 10 * MIB, "restart": True},
    ]
)


def gauge(text: str, name: str) -> float:
    """Returns the value of a metric without labels."""
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    assert found is not None, f"no {name}"
    return float(found[1])


def test_guest_that_grows_in_time_loses_no_process(client: Client) -> None:
    """Two guests leak alike; the one whose autoscaler watches available memory lives, the other's process dies."""
    names = ("watched", "alone")
    for name in names:
        spec = GuestSpec(
            name=name,
            boot_size=GIB // 2,
            devices=[DeviceSpec(size=4 * GIB)],
            clock=ClockSpec(mode="manual"),
            phases=SCRIPT,
        )
        client.create_guest(spec)
    try:
        for _ in range(24):
            for name in names:
                client.advance(name, 5_000_000)
            metrics = client.metrics("watched")
            total = gauge(metrics, "host_memory_total_bytes")
            if gauge(metrics, "host_memory_available_bytes") < total / 4:
                client.plug("watched", "vm0", STEP, wait=0)
        kills = {name: client.show_workload(name).oom_kills for name in names}
        assert kills == {"watched": 0, "alone": 2}
        assert gauge(client.metrics("watched"), "host_memory_total_bytes") > 1.25 * GIB
        assert "(web)" in client.proc("alone", "kmsg")
        assert client.proc("watched", "kmsg") == ""
    finally:
        for name in names:
            client.delete_guest(name)
