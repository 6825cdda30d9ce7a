"""The scenarios that come with the program: all are there, and each is what its name says."""

import pytest

from app.errors import Unknown
from app.scenario.catalog import packaged_scenario, scenario_ids, scenario_text


def test_ids_are_those_of_the_text() -> None:
    """S01 to S39, in order."""
    assert scenario_ids() == tuple(f"S{number:02}" for number in range(1, 40))


@pytest.mark.parametrize("scenario_id", scenario_ids())
def test_packaged_scenario_is_named_as_its_file(scenario_id: str) -> None:
    """Each can be read, says what it is about, and expects something of some policy in every case."""
    scenario = packaged_scenario(scenario_id)
    assert scenario.id == scenario_id
    assert scenario.about
    assert all(case.expect for case in scenario.cases)
    assert packaged_scenario(scenario_id) is scenario


def test_unknown_id_is_named_with_those_that_exist() -> None:
    """A path is no id either."""
    for name in ("S99", "../data/S01", ""):
        with pytest.raises(Unknown):
            packaged_scenario(name)
        with pytest.raises(Unknown):
            scenario_text(name)
