"""What follows from a preset and a policy, for somebody who has no guest yet.

Left out: the arithmetic (app.mm.policies.quantities).
"""

from app.guest.spec import default_block_size
from app.mm.geometry import preset
from app.mm.policies.policy_text import parse_policy
from app.mm.policies.quantities import quantities
from app.virtio_mem.region import DeviceRegion


def describe_quantities(preset_name: str, policy_text: str, block_size: int | None) -> dict[str, object]:
    """Returns the quantities by name, JSON-ready; block_size: of a device, None for the preset's default.

    Raises Unknown, InvalidValue.
    """
    geometry = preset(preset_name)
    policy = parse_policy(policy_text)
    device_block_size = default_block_size(geometry) if block_size is None else block_size
    DeviceRegion(addr=0, region_size=0, block_size=device_block_size).validate()
    found = quantities(geometry, policy, device_block_size)
    return {"preset": geometry.name, "policy": policy.name, **found._asdict(), "mode": str(found.mode)}
