"""What the service's owner can set: addresses and limits, from flags, the environment and a TOML file.

The first that names a value wins: a flag of `vmemsim serve`, VMEMSIM_<NAME> in the environment, the file,
the default.
Left out: where compiled kernels are kept (VMEMSIM_KERNEL_CACHE, app.mm.kernels), and what a caller sets per
guest.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from app.errors import InvalidValue
from app.units import GIB, KIB, MIB, parse_size

ENV_PREFIX = "VMEMSIM_"


def _bytes_of(value: object) -> object:
    """Reads "1 MiB" as bytes; leaves anything but a string to pydantic."""
    if not isinstance(value, str):
        return value
    try:
        return parse_size(value)
    except InvalidValue as error:
        raise ValueError(error.detail) from error


Bytes = Annotated[int, BeforeValidator(_bytes_of)]


class Settings(BaseModel):
    """Every setting of the service; the descriptions are its help text. Made directly, it has the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    max_guests: int = Field(4096, ge=0, description="guests that may exist at once; beyond: 507")
    max_total_pages: int = Field(
        2**31, ge=0, description="pages of all guests together, boot memory and device regions; beyond: 507"
    )
    max_allocations: int = Field(1000, ge=0, description="allocations that a guest has at once; beyond: 507")
    max_body_bytes: Bytes = Field(MIB, ge=KIB, description="largest JSON body; beyond: 413")
    max_capture_bytes: Bytes = Field(GIB, ge=KIB, description="largest capture file; beyond: 413")
    event_ring_capacity: int = Field(4096, ge=1, le=2**24, description="newest events kept per guest")
    max_operations: int = Field(
        10_000, ge=1, le=10**6, description="operations kept; the oldest that are over go first; beyond: 507"
    )
    heartbeat_s: float = Field(
        15.0,
        gt=0,
        le=3600,
        description="seconds after which an event stream that is silent shows that it lives",
    )
    max_snapshots: int = Field(16, ge=0, le=1000, description="most snapshots of one guest; beyond: 507")
    inline_us: int = Field(
        1000,
        ge=0,
        description="core calls estimated longer than this many microseconds run off the event loop",
    )
    worker_threads: int = Field(4, ge=1, le=64, description="threads for those calls, so as many at once")
    shutdown_grace_s: float = Field(
        5.0,
        ge=0,
        le=8,
        description="seconds that running calls may still take after SIGTERM; then they get 503",
    )


def load(config: Path | None = None, flags: Mapping[str, object] | None = None) -> Settings:
    """Returns the settings from `flags` (None values count as not given), the environment, and `config`.

    Raises InvalidValue, naming the setting and where it came from.
    """
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    sources = (
        (given, "--{}"),
        (_from_environment(), ENV_PREFIX + "{}"),
        (_from_file(config), f"{{}} in {config}"),
    )
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for source, origin in sources:
        for key, value in source.items():
            values.setdefault(key, value)
            origins.setdefault(key, origin.format(_spelled(key, origin)))
    try:
        return Settings(**values)
    except ValidationError as error:
        raise _as_invalid_value(error, origins) from error


def rows() -> list[tuple[str, str, str]]:
    """Returns (name in the environment, default, what it means) of every setting."""
    return [
        (ENV_PREFIX + key.upper(), str(field.default), field.description or "")
        for key, field in Settings.model_fields.items()
    ]


def _spelled(key: str, origin: str) -> str:
    """Returns `key` as the caller wrote it in a flag, in the environment or in the file."""
    if origin.startswith("--"):
        return key.replace("_", "-")
    return key.upper() if origin.startswith(ENV_PREFIX) else key


def _from_environment() -> dict[str, object]:
    """Returns the settings in the environment; other VMEMSIM_ names belong to clients and kernels."""
    names = {ENV_PREFIX + key.upper(): key for key in Settings.model_fields}
    return {key: os.environ[name] for name, key in names.items() if name in os.environ}


def _from_file(config: Path | None) -> dict[str, object]:
    """Returns what the TOML file says."""
    if config is None:
        return {}
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidValue("--config", config, f"a readable file ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidValue("--config", config, f"a TOML file ({error})") from error


def _as_invalid_value(error: ValidationError, origins: Mapping[str, str]) -> InvalidValue:
    """Returns the first of pydantic's complaints as one of ours."""
    first = error.errors(include_url=False)[0]
    key = str(first["loc"][0])
    accepted = f"one of {', '.join(sorted(Settings.model_fields))}"
    if first["type"] != "extra_forbidden":
        accepted = f"{Settings.model_fields[key].description} ({first['msg']})"
    return InvalidValue(origins.get(key, key), first["input"], accepted)
