"""What would free a piece that stays plugged: an act of the machine's owner, as a word and as a sentence.

Kept here: one remedy for each sort of obstacle; it is the owner of the page that decides, then the kind of page.
Left out: whether somebody will do it.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from app.guest.owners import Owner, OwnerType
from app.mm.obstacles import STAYING
from app.mm.outcome import Errno
from app.mm.page import PageKind


class Action(StrEnum):
    """What has to be done."""

    UNPIN = "unpin"
    END_OWNER = "end_owner"
    SHRINK_SLAB = "shrink_slab"
    DROP_CACHES = "drop_caches"
    REMOVE_MEMORY_BLOCK = "remove_memory_block"
    RELEASE_RANGE = "release_range"
    FREE_GIGANTIC = "free_gigantic_page"
    ADD_MEMORY = "add_memory"
    WAIT = "wait"
    NOTHING = "nothing"


class Remedy(NamedTuple):
    """An act that would free a piece, and a sentence that says it."""

    action: Action
    text: str


_BY_KIND = {
    PageKind.PINNED: (Action.UNPIN, "let {who} unpin these pages, or end it"),
    PageKind.UNMOVABLE: (Action.END_OWNER, "let {who} free this kernel memory, or end it"),
    PageKind.UNMOVABLE_PAGES: (Action.END_OWNER, "let {who} free this kernel memory, or end it"),
    PageKind.RECLAIMABLE: (
        Action.SHRINK_SLAB,
        "shrink the slab caches of {who} (drop_caches = 2 in /proc/sys/vm)",
    ),
    PageKind.FILE_CLEAN: (
        Action.DROP_CACHES,
        "drop the page cache of {who} (drop_caches = 1 in /proc/sys/vm)",
    ),
    PageKind.FILE_DIRTY: (Action.DROP_CACHES, "write back and drop the page cache of {who}"),
    PageKind.HWPOISON: (
        Action.NOTHING,
        "the page is broken hardware: only offlining the memory block passes it",
    ),
    PageKind.OFFLINE: (
        Action.NOTHING,
        "a neighbour in the range that has to be isolated is unplugged already: only the whole memory block can go",
    ),
    PageKind.RESERVED: (Action.NOTHING, "reserved since boot: it stays as long as the guest runs"),
}
_BY_OWNER = {
    OwnerType.MEMMAP: (
        Action.REMOVE_MEMORY_BLOCK,
        "unplug all of memory block {numbers}, whose memmap this is",
    ),
    OwnerType.CMA: (Action.NOTHING, "the pageblock belongs to CMA area {label}, which nobody else is given"),
    OwnerType.RANGE: (Action.RELEASE_RANGE, "free the range {label} that alloc-contig-range took"),
    OwnerType.GIGANTIC: (Action.FREE_GIGANTIC, "free the gigantic page of {label}: it cannot be moved"),
}
_OF_THE_KERNEL = Remedy(
    Action.END_OWNER, "kernel memory: end the process, or unload the module, for which the kernel took it"
)
_SHORT = {
    Errno.ETXTBSY: Remedy(Action.WAIT, "the device was busy: the driver tries again when its timer fires"),
    Errno.EBUSY: Remedy(Action.WAIT, "nothing that stays is in it: the next try may have it"),
    Errno.EINVAL: Remedy(Action.NOTHING, "the device refused the request: reload the driver"),
}


def remedy_for(
    kind: PageKind | None,
    owner: Owner | None,
    result: Errno | None,
    *,
    numbers: Sequence[int] = (),
    wanted_bytes: int = 0,
) -> Remedy:
    """Returns what would free pieces whose obstacle is of `kind` and `owner`; both None where no page is in the way.

    numbers: allocations or memory blocks of these owners. wanted_bytes: how much free memory migration lacks, where
    that is what stopped it.
    """
    listed = ", ".join(map(str, numbers)) or "?"
    if owner is not None and owner.type in _BY_OWNER:
        action, text = _BY_OWNER[owner.type]
        return Remedy(action, text.format(label=owner.label, numbers=listed))
    if owner is not None and owner.type is OwnerType.KERNEL and kind is not PageKind.RECLAIMABLE:
        return _OF_THE_KERNEL
    if result is Errno.ENOMEM and kind not in STAYING:
        return Remedy(Action.ADD_MEMORY, _memory_text(wanted_bytes))
    if kind in _BY_KIND and kind is not None:
        action, text = _BY_KIND[kind]
        return Remedy(action, text.format(who=_who(owner, listed)))
    return _SHORT[result] if result in _SHORT else _SHORT[Errno.EBUSY]


def _memory_text(wanted_bytes: int) -> str:
    from_where = "free memory that pages can move to; dropping caches counts"
    if not wanted_bytes:
        return f"more {from_where}"
    return f"about {-(-wanted_bytes >> 20)} MiB more {from_where}"


def _who(owner: Owner | None, listed: str) -> str:
    if owner is not None and owner.type is OwnerType.KERNEL:
        return "the kernel"
    if owner is None or owner.type is not OwnerType.ALLOCATION:
        return "its owner"
    return f"{owner.label!r} (allocation {listed})" if owner.label else f"allocation {listed}"
