"""How a capture becomes a guest: options in the query of an import."""

from typing import Annotated

from pydantic import Field

from app.api.schemas.catalog import POLICY_TEXT, PolicyText
from app.api.schemas.guests import OnlineTo
from app.api.schemas.strict import LARGEST_INTEGER, Closed, Size
from app.operations.importing import CaptureOptions, PerCpuAssumption
from app.operations.registry import NAME_PATTERN

_LEVEL = "(memory_block|chunk|section|pageblock)"
LEVELS_PATTERN = f"^{_LEVEL}(,{_LEVEL}){{0,3}}$"
MemoryOfDevice = Annotated[str, Field(max_length=64)]
MEMORY_OF_DEVICE = (
    'the memory that is a virtio-mem device\'s: auto, "zone:Movable", "range:START-END" or "above:START", addresses '
    "in hexadecimal"
)


class CaptureSource(Closed):
    """What a caller says about a capture, whatever becomes of it; the defaults follow the capture."""

    online: OnlineTo | None = Field(None, description="default: the captured machine's own setting")
    seed: Annotated[int, Field(ge=0, le=LARGEST_INTEGER)] = 0
    block_size: Size | None = Field(None, description="device block size; default: a pageblock")
    per_cpu: PerCpuAssumption = Field(
        PerCpuAssumption.AUTO, description="which unmarked pages count as waiting on per-cpu lists"
    )
    pinned_fraction: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0,
        description="share of the movable pages that is taken to be pinned: flags show pins of unmapped pages only",
    )


class ImportOptions(CaptureSource):
    """What a caller says about a capture that becomes a guest."""

    name: Annotated[str, Field(pattern=NAME_PATTERN)] | None = Field(
        None, description="guest-1, guest-2 ... when left out"
    )
    policy: PolicyText | None = Field(None, description=f"{POLICY_TEXT}; default: the captured kernel's")
    fallback: Annotated[str, Field(pattern=LEVELS_PATTERN)] | None = Field(
        None,
        description="units in which the driver unplugs, largest first, with commas between them; default: the "
        "policy's own",
    )
    device: MemoryOfDevice = Field("auto", description=MEMORY_OF_DEVICE)

    def to_options(self) -> CaptureOptions:
        """Returns it as the operation takes it."""
        return CaptureOptions(
            name=self.name or "",
            policy=self.policy,
            fallback=None if self.fallback is None else tuple(self.fallback.split(",")),
            online=self.online,
            seed=self.seed,
            device=self.device,
            block_size=self.block_size,
            per_cpu=self.per_cpu,
            pinned_fraction=self.pinned_fraction,
        )
