"""Metrics as Prometheus reads them: help and type once, then the numbers."""

from app.guest.programs.metrics import Gauge, device_gauges, exposition, memory_gauges
from app.mm.page import PageKind
from app.units import GIB, MIB
from tests.guest.making import x86_guest


def test_text_has_help_and_type_once_for_each_name() -> None:
    """Two devices make two lines under one head."""
    gauges = [
        Gauge("a_total", 3, "Things.", is_counter=True),
        Gauge("b_bytes", 1.5, "Bytes.", label=("device", "vm0")),
        Gauge("b_bytes", 2, "Bytes.", label=("device", "vm1")),
    ]
    assert exposition(gauges) == (
        "# HELP a_total Things.\n# TYPE a_total counter\na_total 3\n"
        "# HELP b_bytes Bytes.\n# TYPE b_bytes gauge\n"
        'b_bytes{device="vm0"} 1.5\nb_bytes{device="vm1"} 2\n'
    )


def test_memory_gauges_are_those_of_meminfo() -> None:
    """Total, available and cached, in bytes."""
    guest = x86_guest()
    guest.pages.allocations.fill(PageKind.FILE_CLEAN, 0, 25600, label="cache")
    values = {gauge.name: gauge.value for gauge in memory_gauges(guest.node)}
    lines = dict(line.split(":") for line in guest.proc("meminfo").splitlines())
    for name, line in (("total", "MemTotal"), ("available", "MemAvailable"), ("cached", "Cached")):
        assert values[f"host_memory_{name}_bytes"] == int(lines[line].split()[0]) * 1024
    assert values["host_memory_cached_bytes"] == 100 * MIB


def test_device_gauges_show_target_and_size() -> None:
    """A device of which half is plugged."""
    guest = x86_guest()
    guest.resize("vm0", GIB // 2)
    values = {gauge.name: gauge.value for gauge in device_gauges([guest.find_device("vm0").device])}
    assert values == {"host_virtio_mem_requested_bytes": GIB // 2, "host_virtio_mem_plugged_bytes": GIB // 2}
    assert 'host_virtio_mem_plugged_bytes{device="vm0"} 536870912\n' in guest.metrics()
