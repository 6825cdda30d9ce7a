"""Making a guest from a spec: boot memory, devices, what they plug at once, and the workload, in this order.

Left out: guests from captures (app.guest.capture.loader).
"""

from app.guest.boot import boot_node
from app.guest.guest import Guest
from app.guest.identity import GuestIdentity
from app.guest.populate import validate_nodes, validate_orders
from app.guest.spec import GuestSpec, plan_guest
from app.trace.sink import RingSink
from app.virtio_mem.device import Device

DEFAULT_EVENT_RING_CAPACITY = 4096


def create_guest(spec: GuestSpec, *, event_ring_capacity: int = DEFAULT_EVENT_RING_CAPACITY) -> Guest:
    """Returns the guest that `spec` asks for.

    A target that cannot be met is no error, as for a real guest. Raises InvalidValue, Unknown.
    """
    plan = plan_guest(spec)
    validate_orders(spec.workload, plan.geometry)
    validate_nodes(spec.workload, len(plan.numa_nodes))
    sink = RingSink(event_ring_capacity)
    identity = GuestIdentity(
        name=spec.name,
        preset=spec.preset,
        policy=plan.policy.name,
        fallback=tuple(str(level) for level in plan.levels),
        online=spec.online,
        seed=spec.seed,
        boot_size=spec.boot_size,
        numa_nodes=plan.numa_nodes,
        boot_reserved=spec.boot_reserved,
        boot_used=spec.boot_used,
    )
    guest = Guest(identity, boot_node(plan, sink), sink=sink, plan=plan, profile=spec.cost)
    for device in plan.devices:
        made = Device(device.id, device.region, features=device.features, sink=sink)
        guest.attach(made, fallback=plan.levels, module=device.driver)
        if device.requested_size:
            guest.resize(device.id, device.requested_size)
    if spec.workload:
        guest.pages.populate(spec.workload, spec.seed)
    if spec.phases is not None:
        guest.start_workload(spec.phases)
    return guest
