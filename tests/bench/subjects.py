"""The subjects, in the order of the table; each module is imported only when it is measured."""

from importlib import import_module

from tests.bench.subject import Measure

# Name on the command line -> module with a function measure(effort).
SUBJECTS = {
    "pairs": "tests.bench.pairs",
    "fill": "tests.bench.fill",
    "footprint": "tests.bench.footprint",
    "creation": "tests.bench.creation",
    "unplug": "tests.bench.unplug",
    "compare": "tests.bench.compare",
    "forecast": "tests.bench.forecast",
    "workloads": "tests.bench.workloads",
    "events": "tests.bench.events",
    "rest": "tests.bench.rest",
    "realtime": "tests.bench.realtime",
    "latency": "tests.bench.latency",
    "start": "tests.bench.start",
    "load": "tests.bench.load",
    "scenarios": "tests.bench.scenarios",
    "capture": "tests.bench.capture",
}


def find_measure(name: str) -> Measure:
    """Returns the subject's function; raises KeyError for a name that is none."""
    measure: Measure = import_module(SUBJECTS[name]).measure
    return measure


def first_sentence(name: str) -> str:
    """Returns what the subject's door-plate says first."""
    return (import_module(SUBJECTS[name]).__doc__ or "").partition("\n")[0]
