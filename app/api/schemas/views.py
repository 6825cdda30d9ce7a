"""A guest's memory, looked at: memory blocks, pageblocks, broken invariants."""

from typing import Literal

from pydantic import Field

from app.api.schemas.strict import Answer


class MemoryBlock(Answer):
    """A Linux memory block that is present."""

    id: int
    start_pfn: int
    state: Literal["online", "offline"]
    zone: str | None
    node: int = Field(description="the NUMA node that it belongs to")
    device: str | None = Field(description="the virtio-mem device that it belongs to")


class MemoryBlocks(Answer):
    """The memory blocks of a guest; absent ones are left out."""

    memory_block_size: int = Field(description="in bytes")
    memory_blocks: list[MemoryBlock]


class PageblockRun(Answer):
    """Pageblocks in a row that are alike."""

    start_pageblock: int
    nr_pageblocks: int
    migratetype: str
    zone: str | None
    node: int
    pages: dict[str, int] = Field(description="pages of each kind, in each one of the pageblocks")


class Pageblocks(Answer):
    """The pageblocks of a guest, run-length coded."""

    pageblock_nr_pages: int
    runs: list[PageblockRun]


class Violation(Answer):
    """A broken invariant: where, what the law says, and what was found."""

    id: str
    where: str
    expected: str
    found: str
    weight: Literal["failure", "finding"] = Field(
        description="failure: a bug of this simulator; finding: the policy's own releases do the same"
    )


class Verification(Answer):
    """The broken invariants of a guest: none, in a sound one."""

    violations: list[Violation]
