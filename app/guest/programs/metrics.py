"""What a monitor in the guest exports, as Prometheus reads it: memory, load, pressure, devices.

The names are those that an agent in a Neon VM asks for, host_memory_total_bytes and the like; beside them, what else an
autoscaler may want.
Left out: where the numbers come from (app.mm.vmstat, app.guest.programs.programs).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from app.mm.node import Node
from app.mm.vmstat import memory_sizes
from app.virtio_mem.device import Device

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Gauge(NamedTuple):
    """One number with its name and what it means; label: a pair of name and value, as far as there is one."""

    name: str
    value: float
    meaning: str
    is_counter: bool = False
    label: tuple[str, str] | None = None


def exposition(gauges: Iterable[Gauge]) -> str:
    """Returns gauges in the text format of Prometheus; those of one name must follow each other."""
    text = ""
    for name, rows in groupby(gauges, key=lambda gauge: gauge.name):
        for number, gauge in enumerate(rows):
            if number == 0:
                kind = "counter" if gauge.is_counter else "gauge"
                text += f"# HELP {name} {gauge.meaning}\n# TYPE {name} {kind}\n"
            label = "" if gauge.label is None else f'{{{gauge.label[0]}="{gauge.label[1]}"}}'
            text += f"{name}{label} {gauge.value!r}\n"
    return text


def memory_gauges(node: Node) -> Iterator[Gauge]:
    """Yields what a guest's memory is at, in bytes. Linear in runs of pages."""
    sizes = memory_sizes(node)
    yield Gauge("host_memory_total_bytes", sizes.total, "Memory that the guest's kernel manages.")
    yield Gauge(
        "host_memory_available_bytes", sizes.available, "Memory that programs could have without swapping."
    )
    yield Gauge("host_memory_cached_bytes", sizes.cached, "Page cache.")


def device_gauges(devices: Sequence[Device]) -> Iterator[Gauge]:
    """Yields target and size of each virtio-mem device, in bytes."""
    for device in devices:
        text = "Size that the hypervisor wants the device to have."
        yield Gauge(
            "host_virtio_mem_requested_bytes", device.config.requested_size, text, label=("device", device.id)
        )
    for device in devices:
        text = "Size that the device has."
        yield Gauge(
            "host_virtio_mem_plugged_bytes", device.config.plugged_size, text, label=("device", device.id)
        )
