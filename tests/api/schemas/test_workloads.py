"""A workload's schema: examples are scripts, and what it documents is what the parser knows."""

from app.api.schemas.workloads import PHASE_SCHEMA, WorkloadIn
from app.guest.programs.phase_json import MEMBERS
from app.guest.programs.phases import Do


def test_examples_are_scripts() -> None:
    """Each example can be played."""
    extra = WorkloadIn.model_config["json_schema_extra"]
    assert isinstance(extra, dict)
    assert isinstance(extra["examples"], list)
    for example in extra["examples"]:
        script = WorkloadIn.model_validate(example).to_script()
        assert len(script.phases) == 4
        assert script.repeats


def test_documented_members_are_those_that_are_read() -> None:
    """Phases have these members, one or the other, and do these things."""
    properties = PHASE_SCHEMA["properties"]
    assert isinstance(properties, dict)
    assert set(properties) == set().union(*MEMBERS.values())
    assert properties["do"]["enum"] == [str(do) for do in Do]
