"""The driver of a device: how its module is loaded, and what it says of itself."""

from typing import Literal

from pydantic import ConfigDict, Field

from app.api.schemas.strict import Answer, Request, Size
from app.operations.drivers import DriverModule, ModuleParameters


class DriverParametersIn(Request):
    """Parameters of the driver's module; one that the guest's kernel does not know is passed over, and told."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"force_bbm": True, "bbm_block_size": "256MiB"}]}
    )

    unplug_online: bool = Field(default=True, description="may unplug online memory")
    force_bbm: bool = Field(
        default=False, description="big block mode, although sub-blocks would be possible"
    )
    bbm_block_size: Size = Field(
        0, description="of a big block, if that is more than it has to be; 0: no more"
    )
    bbm_safe_unplug: bool = Field(
        default=True,
        description="takes every page of a big block before it is offlined; kernels up to 6.5 know this",
    )

    def to_parameters(self) -> ModuleParameters:
        """Returns them as the operation takes them."""
        return ModuleParameters(
            unplug_online=self.unplug_online,
            force_bbm=self.force_bbm,
            bbm_block_size=self.bbm_block_size,
            bbm_safe_unplug=self.bbm_safe_unplug,
        )


class DriverIn(DriverParametersIn):
    """What a booting guest does about a device's driver."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_loaded": False}]})

    is_loaded: bool = Field(
        default=True,
        description="without it, requested_size is noted, and nothing happens until the driver is loaded",
    )

    def to_module(self) -> DriverModule:
        """Returns it as the operation takes it."""
        return DriverModule(self.is_loaded, self.to_parameters())


class Driver(Answer):
    """What the guest's driver is at, and what it was loaded with."""

    state: Literal["idle", "working", "waiting_retry", "broken", "unloaded"]
    retry_ms: int = Field(description="simulated milliseconds until it tries again; 0 when it does not")
    is_loaded: bool
    unplug_online: bool
    force_bbm: bool
    bbm_block_size: int
    bbm_safe_unplug: bool
    ignored_parameters: list[str] = Field(
        description="set, but unknown to this kernel, or without effect in this mode"
    )
