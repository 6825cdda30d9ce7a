"""The catalog: what can be asked for is listed, as JSON has it."""

import json

from app.mm.geometry import PRESETS
from app.mm.policy import POLICIES
from app.operations import catalog


def test_policies_list_every_switch() -> None:
    """Each policy has all switches."""
    listed = catalog.policies()
    assert [policy["name"] for policy in listed] == list(POLICIES)
    switches = [set(json.loads(json.dumps(policy["switches"]))) for policy in listed]
    assert all(names == switches[0] for names in switches)


def test_presets_list_every_geometry() -> None:
    """Each preset has its sizes."""
    listed = {preset["name"]: preset for preset in catalog.presets()}
    assert list(listed) == list(PRESETS)
    assert listed["x86-64"] == {
        "name": "x86-64",
        "page_size": 4096,
        "max_order": 10,
        "pageblock_order": 9,
        "section_size": 2**27,
        "memory_block_size": 2**27,
    }
