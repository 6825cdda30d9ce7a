"""The tables of calls: where they are, and how a call is held against what it should say and read."""

import importlib
import inspect
import json
import pkgutil
from types import ModuleType
from typing import Any, NamedTuple

import clients
from clients._exchange import Call, Reply

# Every module of calls, by its name: one that is added is found here.
MODULES: tuple[ModuleType, ...] = tuple(
    importlib.import_module(f"clients.{info.name}")
    for info in pkgutil.iter_modules(clients.__path__)
    if info.name.endswith("_calls")
)


class Case(NamedTuple):
    """A call, what goes out for it, an answer, and a piece of what is read from it (None: nothing is read)."""

    call: Call[Any]
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    json: object
    answer: object
    piece: object


def builders(module: ModuleType) -> dict[str, Any]:
    """Returns the functions of a module that build calls, by name."""
    functions = inspect.getmembers(module, inspect.isfunction)
    return {
        name: function
        for name, function in functions
        if function.__module__ == module.__name__ and not name.startswith("_")
    }


def check(case: Case) -> None:
    """Asserts that method, path, query and body are those of the case, and that its answer is understood."""
    call = case.call
    assert (call.method, call.path, call.query, call.json) == (case.method, case.path, case.query, case.json)
    raw = case.answer if isinstance(case.answer, bytes) else json.dumps(case.answer).encode()
    found = call.answer(Reply(200, raw))
    assert found is None if case.piece is None else str(case.piece) in repr(found)
