"""CMA areas of a guest: what they shall be, what they are, and pages taken from them."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.api.schemas.pages import ContigObstacle
from app.api.schemas.strict import LARGEST_INTEGER, Answer, Closed, Request, Size

AREA_NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"
MOST_AREAS = 16
LARGEST_ALIGN_ORDER = 30


class CmaAreaIn(Closed):
    """A CMA area that the guest shall have in its boot memory, active from the start."""

    model_config = ConfigDict(strict=True)

    name: Annotated[str, Field(pattern=AREA_NAME_PATTERN)]
    size: Size = Field(
        description="a multiple of the policy's CMA alignment: a chunk up to 5.18, then a pageblock"
    )
    base: Size | None = Field(
        None, description="where it begins, as aligned; default: as high in boot memory as there is room"
    )
    order_per_bit: Annotated[int, Field(ge=0, le=63)] = Field(
        0, description="a bit of the area's bitmap stands for 2^order_per_bit pages"
    )


class CmaAllocation(Answer):
    """Pages that the client of an area has."""

    pfn: int
    nr_pages: int


class CmaArea(Answer):
    """A CMA area; sizes in bytes."""

    name: str
    base: int
    size: int
    order_per_bit: int
    used: int = Field(description="what its bitmap counts as taken")
    allocations: list[CmaAllocation]


class CmaAreas(Answer):
    """The CMA areas of a guest."""

    cma_areas: list[CmaArea]


class CmaAllocationIn(Request):
    """Pages that the client of an area wants."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"size": "8MiB"}, {"nr_pages": 512, "align_order": 9}]}
    )

    nr_pages: Annotated[int, Field(ge=1, le=LARGEST_INTEGER)] | None = None
    size: Size | None = Field(None, description="instead of nr_pages")
    align_order: Annotated[int, Field(ge=0, le=LARGEST_ALIGN_ORDER)] = Field(
        0, description="the first page shall be a multiple of 2^align_order"
    )

    @model_validator(mode="after")
    def _one_amount(self) -> Self:
        """Refuses no amount, and two."""
        if (self.nr_pages is None) == (self.size is None):
            value = None if self.size is None else "nr_pages and size"
            context = {
                "unknown_field": "nr_pages",
                "value": value,
                "accepted": "exactly one of nr_pages, size",
            }
            raise PydanticCustomError("amount", "no single amount", context)
        return self


class CmaOutcome(Answer):
    """What cma_alloc returned, after how many calls; the last of them tells what was in the way."""

    result: str = Field(description='"0", or the kernel\'s name of the error: EBUSY, ENOMEM')
    pfn: int | None = Field(description="the first page, when it was taken")
    nr_pages: int
    calls: int
    step: Literal["isolate", "migrate", "test", "take"] | None = Field(description="the step that failed")
    obstacle: ContigObstacle | None
    migrated_pages: int


class CmaReleased(Answer):
    """What was released."""

    pfn: int
    freed_pages: int
