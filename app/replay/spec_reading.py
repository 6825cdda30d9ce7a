"""The spec of a guest from a file, member by member as the spec declares them.

Kept here: what a guest can be made of over HTTP can be said in a file, under the same names.
Left out: which specs make sense (app.guest.spec).
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from app.guest.cost import CostProfile
from app.guest.cost_choice import DEFAULT_PROFILE, UNITS, choose_profile
from app.guest.driver_module import DriverModule, ModuleParameters
from app.guest.programs.phase_json import parse_script
from app.guest.programs.phases import Script
from app.guest.spec import GuestSpec, plan_guest
from app.guest.workload import WorkloadStep
from app.guest.workload_json import parse_workload
from app.replay.plain import at_line, plain
from app.scenario.reading.document import Value

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Spec = TypeVar("Spec", bound=DataclassInstance)
else:
    Spec = TypeVar("Spec")

NAME = "replay"
# A failure is small, or it would not be understood: larger guests are made over HTTP.
LARGEST_SIZE = 1 << 40
LARGEST_INTEGER = (1 << 53) - 1
LONGEST_LIST = 64
LONGEST_TEXT = 1000
_SIZES = ("size", "base", "reserved", "used")


def read_guest(value: Value) -> GuestSpec:
    """Returns the guest that a file asks for.

    Raises ScenarioInvalid.
    """
    spec = read_spec(GuestSpec, value, defaults={"name": NAME})
    with at_line(value):
        plan_guest(spec)
    return spec


def read_spec(cls: type[Spec], value: Value, *, defaults: dict[str, object] | None = None) -> Spec:
    """Returns a spec of class `cls`, which is a dataclass.

    Raises ScenarioInvalid for members that it does not have, and for those that are missing.
    """
    types = get_type_hints(cls)
    members = value.mapping([field.name for field in fields(cls)])
    found: dict[str, Any] = dict(defaults or {})
    for field in fields(cls):
        if field.name in members:
            found[field.name] = _read(types[field.name], members[field.name], field.name)
        elif field.name not in found and field.default is MISSING and field.default_factory is MISSING:
            value.require(field.name)
    return cls(**found)


def _read(kind: Any, value: Value, name: str) -> Any:  # noqa: ANN401 - the type is what the caller asks for
    if get_origin(kind) is UnionType:
        if plain(value) is None:
            return None
        (kind,) = (part for part in get_args(kind) if part is not NoneType)
    if get_origin(kind) is tuple:
        return _read_list(get_args(kind)[0], value, name)
    if kind is int and any(name == size or name.endswith(f"_{size}") for size in _SIZES):
        return value.size(LARGEST_SIZE)
    return _READ[kind](value) if kind in _READ else read_spec(kind, value)


def _read_module(value: Value) -> DriverModule:
    """Reads whether a driver is loaded, and its parameters beside that, as the API has them."""
    parameters = tuple(field.name for field in fields(ModuleParameters))
    members = value.mapping(("is_loaded", *parameters))
    is_loaded = members["is_loaded"].boolean() if "is_loaded" in members else True
    return DriverModule(
        is_loaded, read_parameters({name: members[name] for name in parameters if name in members})
    )


def read_parameters(members: Mapping[str, Value]) -> ModuleParameters:
    """Returns the module's parameters, those left out at their defaults.

    Raises ScenarioInvalid for a value that cannot be read, InvalidValue for one that cannot be.
    """
    types = get_type_hints(ModuleParameters)
    parameters = ModuleParameters(
        **{name: _read(types[name], member, name) for name, member in members.items()}
    )
    parameters.validate()
    return parameters


def _read_list(kind: Any, value: Value, name: str) -> tuple[Any, ...]:  # noqa: ANN401 - as above
    if kind is WorkloadStep:
        with at_line(value):
            return parse_workload(plain(value), field=value.field)
    return tuple(_read(kind, item, name) for item in value.items(longest=LONGEST_LIST))


def _read_script(value: Value) -> Script:
    with at_line(value):
        return parse_script(plain(value), field=value.field)


def _read_cost(value: Value) -> CostProfile:
    """Reads the name of a profile, and units in the place of its own."""
    units = {name: plain(member) for name, member in value.mapping(("profile", *UNITS)).items()}
    profile = str(units.pop("profile", DEFAULT_PROFILE))
    with at_line(value):
        return choose_profile(profile, units)


_READ: dict[type, Callable[[Value], object]] = {
    bool: Value.boolean,
    int: lambda value: value.integer(0, LARGEST_INTEGER),
    str: lambda value: value.text(longest=LONGEST_TEXT),
    CostProfile: _read_cost,
    DriverModule: _read_module,
    Script: _read_script,
}
