"""What would free a piece that stays plugged: an act of the machine's owner, as a word and as a sentence.

Kept here: one remedy for each sort of obstacle; it is the owner of the page that decides, then the kind of page.
Left out: whether somebody will do it.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from app.guest.why.owners import Owner, OwnerType
from app.mm.obstacles import STAYING
from app.mm.outcome import Errno
from app.mm.page import PageKind
from app.virtio_mem.driver.causes import Cause


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
    LOAD_DRIVER = "load_driver"
    REBOOT = "reboot"
    WAIT = "wait"
    NOTHING = "nothing"


class Remedy(NamedTuple):
    """An act that would free a piece, and a sentence that says it."""

    action: Action
    text: str


class Situation(NamedTuple):
    """What is known beside a piece.

    ended_by: what ended the driver's pass early. wanted_bytes: the free memory that migration lacks, if that is what
    it was. is_loadable: whether a driver that is not loaded can be.
    """

    ended_by: Cause | None = None
    wanted_bytes: int = 0
    is_loadable: bool = True


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
    Errno.EBUSY: Remedy(
        Action.WAIT, "nothing that stays is in it (pages moved meanwhile, or a fault rule struck): try again"
    ),
    Errno.EINVAL: Remedy(
        Action.REBOOT,
        "the device answered ERROR, after which the driver does nothing any more: reboot the guest",
    ),
}
_REFUSED = {
    Cause.DEVICE: Remedy(
        Action.WAIT, "the device refused it (NACK): the driver tries again when its timer fires"
    ),
    Cause.FAULT_RULE: Remedy(
        Action.WAIT, "a fault rule struck: the driver tries again when its timer fires, or remove the rule"
    ),
}
_LOAD = Remedy(Action.LOAD_DRIVER, "no driver is loaded: load it")
_REBOOT = Remedy(
    Action.REBOOT,
    "its driver is gone, and no other takes its memory over: reboot the guest, which unplugs it",
)
_ORDINARY = Situation()


def remedy_for(
    kind: PageKind | None,
    owner: Owner | None,
    result: Errno | None,
    *,
    numbers: Sequence[int] = (),
    situation: Situation = _ORDINARY,
) -> Remedy:
    """Returns what would free pieces whose obstacle is of `kind` and `owner`; both None where no page is in the way.

    numbers: allocations or memory blocks of these owners. result: None where there is no driver that could try.
    """
    listed = ", ".join(map(str, numbers)) or "?"
    if owner is not None and owner.type in _BY_OWNER:
        action, text = _BY_OWNER[owner.type]
        return Remedy(action, text.format(label=owner.label, numbers=listed))
    if owner is not None and owner.type is OwnerType.KERNEL and kind is not PageKind.RECLAIMABLE:
        return _OF_THE_KERNEL
    if result is Errno.ENOMEM and kind not in STAYING:
        return _remedy_for_shortage(situation)
    if kind in _BY_KIND and kind is not None:
        action, text = _BY_KIND[kind]
        return Remedy(action, text.format(who=_who(owner, listed)))
    if result is None:
        return _LOAD if situation.is_loadable else _REBOOT
    return _SHORT.get(result, _SHORT[Errno.EBUSY])


def _remedy_for_shortage(situation: Situation) -> Remedy:
    if situation.ended_by in _REFUSED:
        return _REFUSED[situation.ended_by]
    return Remedy(Action.ADD_MEMORY, _memory_text(situation.wanted_bytes))


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
