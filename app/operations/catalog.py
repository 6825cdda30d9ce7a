"""Which kernels and geometries there are to choose from."""

from app.guest.catalog import POLICIES, PRESETS
from app.operations.registry import Description


def policies() -> list[Description]:
    """Returns every kernel policy: its switches."""
    return [{"name": policy.name, "switches": policy.switches()} for policy in POLICIES.values()]


def presets() -> list[Description]:
    """Returns every geometry preset."""
    return [
        {
            "name": geometry.name,
            "page_size": geometry.page_size,
            "max_order": geometry.max_order,
            "pageblock_order": geometry.pageblock_order,
            "section_size": geometry.section_size,
            "memory_block_size": geometry.memory_block_size,
        }
        for geometry in PRESETS.values()
    ]
