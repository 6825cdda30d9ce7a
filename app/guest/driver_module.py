"""Loading and unloading the module of a device's driver, as insmod and rmmod do.

    not loaded ──load──▶ loaded: probes, gives back what an earlier kernel had plugged (D-5), and works
         ▲                 │
         └──unload─────────┘ with memory added it stays, online and plugged, and no module can be loaded again

Mirrors virtio_mem_probe() and virtio_mem_remove() of drivers/virtio/virtio_mem.c; recorded on 5.10 and 6.1.
Left out: memory blocks that nobody speaks for any more, and that are set by hand.
"""

from dataclasses import replace

from app.errors import ModuleRefused
from app.guest.guest import Guest
from app.trace.events import DriverLoaded, DriverUnloaded
from app.virtio_mem.driver.driver import Driver
from app.virtio_mem.driver.options import DriverModule, ModuleParameters

__all__ = ["DriverModule", "ModuleParameters", "load_driver", "unload_driver"]


def load_driver(guest: Guest, device_id: str, parameters: ModuleParameters) -> None:
    """Loads the driver of a device; it probes the device at once, and begins to work.

    Raises Unknown, InvalidValue, GuestCrashed, GuestHung, ModuleRefused; then nothing has changed.
    """
    attached = guest.find_device(device_id)
    guest.condition.require_running()
    parameters.validate()
    old = attached.driver
    if old.is_loaded:
        raise ModuleRefused(f"the driver of {device_id} is loaded already", "EEXIST")
    if old.book.has_memory_added:
        detail = (
            f"{device_id} still has memory that an earlier driver added: loading it again is not supported"
        )
        raise ModuleRefused(f"{detail}; reboot the guest", "EBUSY")
    options = replace(old.options, parameters=parameters)
    driver = Driver(attached.device, guest.node, options, sink=guest.events, charge=attached.meter.end_pass)
    guest.events.emit(DriverLoaded(device_id, str(driver.plan.mode), driver.unit_size))
    attached.load(driver, guest.clock.now_ns)
    guest.faults.wire()


def unload_driver(guest: Guest, device_id: str) -> None:
    """Unloads the driver of a device, which is reset (V-17); memory that was added stays as it is.

    Raises Unknown, GuestCrashed, GuestHung, ModuleRefused; then nothing has changed.
    """
    attached = guest.find_device(device_id)
    guest.condition.require_running()
    if not attached.driver.is_loaded:
        raise ModuleRefused(f"the driver of {device_id} is not loaded", "ENOENT")
    if attached.is_at_work:
        raise ModuleRefused(f"the driver of {device_id} is at work; unload it when it rests", "EAGAIN")
    attached.unload()
    guest.events.emit(DriverUnloaded(device_id, attached.driver.book.has_memory_added))
