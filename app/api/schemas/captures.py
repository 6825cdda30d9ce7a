"""How a capture becomes a guest: options in the query of an import."""

from typing import Annotated

from pydantic import Field

from app.api.schemas.guests import OnlineTo
from app.api.schemas.strict import LARGEST_INTEGER, Closed, Size
from app.operations.importing import CaptureOptions, PerCpuAssumption
from app.operations.registry import NAME_PATTERN

_LEVEL = "(memory_block|chunk|section|pageblock)"
_LEVELS_PATTERN = f"^{_LEVEL}(,{_LEVEL}){{0,3}}$"


class ImportOptions(Closed):
    """What a caller says about a capture; the defaults follow the capture."""

    name: Annotated[str, Field(pattern=NAME_PATTERN)] | None = Field(
        None, description="guest-1, guest-2 ... when left out"
    )
    policy: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="a kernel of GET /v1/policies; default: the captured kernel's"
    )
    fallback: Annotated[str, Field(pattern=_LEVELS_PATTERN)] = Field(
        "memory_block,chunk,pageblock",
        description="units in which the driver unplugs, largest first, with commas between them",
    )
    online: OnlineTo | None = Field(None, description="default: the captured machine's own setting")
    seed: Annotated[int, Field(ge=0, le=LARGEST_INTEGER)] = 0
    device: Annotated[str, Field(max_length=64)] = Field(
        "auto",
        description='the memory that is a virtio-mem device\'s: auto, "zone:Movable", "range:START-END" or '
        '"above:START", addresses in hexadecimal',
    )
    block_size: Size | None = Field(None, description="device block size; default: a pageblock")
    per_cpu: PerCpuAssumption = Field(
        PerCpuAssumption.AUTO, description="which unmarked pages count as waiting on per-cpu lists"
    )
    pinned_fraction: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0,
        description="share of the movable pages that is taken to be pinned: flags show pins of unmapped pages only",
    )

    def to_options(self) -> CaptureOptions:
        """Returns it as the operation takes it."""
        return CaptureOptions(
            name=self.name or "",
            policy=self.policy,
            fallback=tuple(self.fallback.split(",")),
            online=self.online,
            seed=self.seed,
            device=self.device,
            block_size=self.block_size,
            per_cpu=self.per_cpu,
            pinned_fraction=self.pinned_fraction,
        )
