"""The scenarios that come with the program: one file each, read when asked for.

Left out: scenarios that callers bring (app.scenario.reading.scenario).
"""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from app.errors import Unknown
from app.scenario.reading.scenario import read_scenario
from app.scenario.script import Scenario

_SUFFIX = ".yaml"


@cache
def scenario_ids() -> tuple[str, ...]:
    """Returns the ids of all scenarios, in order."""
    names = [entry.name for entry in _folder().iterdir()]
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


def scenario_text(scenario_id: str) -> str:
    """Returns a scenario's file, to be read by people or to start one's own from.

    Raises Unknown.
    """
    if scenario_id not in scenario_ids():
        raise Unknown("scenario", scenario_id, scenario_ids())
    return (_folder() / f"{scenario_id}{_SUFFIX}").read_text(encoding="utf-8")


@cache
def packaged_scenario(scenario_id: str) -> Scenario:
    """Returns a scenario that comes with the program.

    Raises Unknown.
    """
    return read_scenario(scenario_text(scenario_id), file=f"{scenario_id}{_SUFFIX}")


def _folder() -> Traversable:
    return files(__package__) / "data"
