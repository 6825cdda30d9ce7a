"""Page ranges and allocations inside a guest."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.api.schemas.strict import Answer, PfnIn, Request, Size
from app.operations.allocating import Wanted

# What one call may name exactly; more than that is a workload's business.
MOST_PFNS = 65536


class RangeIn(Request):
    """A range of pages, [start_pfn, end_pfn)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"start_pfn": 1048576, "end_pfn": 1049600}]})

    start_pfn: PfnIn
    end_pfn: PfnIn = Field(description="the first page behind the range")


class ContigObstacle(Answer):
    """The page that kept a range from being taken."""

    pfn: int
    kind: str


class ContigOutcome(Answer):
    """What alloc_contig_range returned."""

    result: str = Field(description='"0", or the kernel\'s name of the error, such as EBUSY')
    step: Literal["isolate", "migrate", "test", "take"] | None = Field(description="the step that failed")
    obstacle: ContigObstacle | None
    migrated_pages: int


class FreedRange(Answer):
    """A range that was given back to the buddy allocator."""

    start_pfn: int
    end_pfn: int
    freed_pages: int


class AllocationIn(Request):
    """Pages to be taken on the guest's behalf: so many, or exactly the free ones at `at_pfns`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "anon", "size": "256MiB", "label": "browser"},
                {"kind": "pinned", "at_pfns": [1500000, 1500007]},
            ]
        }
    )

    kind: str = Field(
        max_length=32, description="what the pages hold: anon, file, thp, pinned, unmovable ..."
    )
    order: Annotated[int, Field(ge=0, le=63)] | None = Field(
        None,
        description="each piece is 2^order pages; default: the order that the kind has. Kernel kinds and hugetlb go up "
        "to the largest free page; hugetlb above that is gigantic, had by emptying an aligned range",
    )
    nr_pages: Annotated[int, Field(ge=1, le=2**48)] | None = None
    size: Size | None = Field(None, description="instead of nr_pages")
    at_pfns: Annotated[list[PfnIn], Field(min_length=1, max_length=MOST_PFNS)] | None = Field(
        None, description="instead of nr_pages: the first page of each piece; all must be free"
    )
    label: Annotated[str, Field(max_length=100)] = ""
    node: int = Field(0, ge=0, le=7, description="the NUMA node where the pages are preferred")
    highatomic: bool = Field(
        default=False,
        description="an atomic request, for kernel memory (unmovable, unmovable_pages) above order 0: it may turn to "
        "the HIGHATOMIC reserve, and its pageblock is reserved while the reserve is below its limit, 1 % of the zone",
    )

    @model_validator(mode="after")
    def _one_amount(self) -> Self:
        """Refuses no amount, and two."""
        amounts = {"nr_pages": self.nr_pages, "size": self.size, "at_pfns": self.at_pfns}
        given = [name for name, amount in amounts.items() if amount is not None]
        if len(given) != 1:
            accepted = f"exactly one of {', '.join(amounts)}"
            context = {
                "unknown_field": "nr_pages",
                "value": " and ".join(given) or None,
                "accepted": accepted,
            }
            raise PydanticCustomError("amount", "no single amount", context)
        return self

    def to_wanted(self) -> Wanted:
        """Returns it as the operation takes it."""
        return Wanted(
            kind=self.kind,
            order=self.order,
            nr_pages=self.nr_pages,
            size=self.size,
            at_pfns=tuple(self.at_pfns or ()),
            label=self.label,
            is_highatomic=self.highatomic,
            numa_node=self.node,
        )


class Allocation(Answer):
    """Pages taken on the guest's behalf."""

    id: int
    kind: str
    order: int
    nr_pages: int
    label: str
    node: int = Field(description="the NUMA node where its pages are preferred")


class FreedAllocation(Answer):
    """What was freed of an allocation, and what is left."""

    id: int
    freed_pages: int
    remaining_pages: int
