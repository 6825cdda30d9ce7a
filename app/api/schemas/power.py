"""How a guest is booted anew, or sleeps."""

from typing import Literal

from pydantic import ConfigDict, Field

from app.api.schemas.strict import Request


class RebootIn(Request):
    """How the guest boots."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "system_reset"}]})

    kind: Literal["system_reset", "kexec"] = Field(
        "system_reset",
        description="system_reset: devices unplug everything; kexec: the new kernel finds it plugged and gives it back",
    )


class SuspendIn(Request):
    """How the guest sleeps."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "s3"}]})

    kind: Literal["s2idle", "s3", "hibernate"] = Field(
        description="s2idle: nobody refuses; s3: refused with memory plugged, unless PERSISTENT_SUSPEND was "
        "negotiated; hibernate: refused while a driver is loaded"
    )
