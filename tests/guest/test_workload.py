"""Ready-made workloads: known by name, and sound."""

import pytest

from app.errors import Unknown
from app.guest.populate import validate_orders
from app.guest.workload import WORKLOADS, Act, workload
from app.guest.workload_json import validate_labels
from app.mm.geometry import PRESETS


@pytest.mark.parametrize("name", WORKLOADS)
def test_ready_made_workload_is_sound_everywhere(name: str) -> None:
    """Its labels fit together, and its orders exist on every geometry."""
    steps = workload(name)
    assert steps
    validate_labels(steps)
    for geometry in PRESETS.values():
        validate_orders(steps, geometry)


def test_workload_unknown_lists_known() -> None:
    """A wrong name is answered with those that exist."""
    with pytest.raises(Unknown, match="fragmented"):
        workload("quiet")


def test_labels_made_follow_the_act() -> None:
    """A fill makes its label, a mix those of its parts, the others none."""
    made = {step.act: step.labels_made for step in workload("fragmented")}
    assert made[Act.MIX] == ("anon", "file_clean", "file_dirty", "unmovable", "reclaimable")
    assert made[Act.FILL] == ("late_kernel",)
    assert made[Act.FREE] == ()
