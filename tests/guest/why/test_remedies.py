"""What helps: each sort of obstacle has one act, and a sentence that names its owner."""

import pytest

from app.guest.why.owners import Owner, OwnerType
from app.guest.why.remedies import Action, Situation, remedy_for
from app.mm.outcome import Errno
from app.mm.page import PageKind

_ROWS = [
    (PageKind.PINNED, Errno.EBUSY, Action.UNPIN),
    (PageKind.UNMOVABLE, Errno.EBUSY, Action.END_OWNER),
    (PageKind.UNMOVABLE_PAGES, Errno.EBUSY, Action.END_OWNER),
    (PageKind.RECLAIMABLE, Errno.EBUSY, Action.SHRINK_SLAB),
    (PageKind.FILE_CLEAN, Errno.EBUSY, Action.DROP_CACHES),
    (PageKind.RESERVED, Errno.EBUSY, Action.NOTHING),
    (PageKind.OFFLINE, Errno.EBUSY, Action.NOTHING),
    (PageKind.HWPOISON, Errno.EBUSY, Action.NOTHING),
    # A page that would move if there was room, and one that would not anyway.
    (PageKind.ANON, Errno.ENOMEM, Action.ADD_MEMORY),
    (PageKind.PINNED, Errno.ENOMEM, Action.UNPIN),
    (None, Errno.ENOMEM, Action.ADD_MEMORY),
    (None, Errno.EBUSY, Action.WAIT),
    (None, Errno.ETXTBSY, Action.WAIT),
    (None, Errno.EINVAL, Action.REBOOT),
    (None, None, Action.LOAD_DRIVER),
]


@pytest.mark.parametrize(("kind", "result", "action"), _ROWS)
def test_remedy_for_a_page(kind: PageKind | None, result: Errno | None, action: Action) -> None:
    """The kind of page decides, and a shortage where no page does."""
    owner = None if kind is None else Owner(OwnerType.ALLOCATION, "web", 7)
    assert remedy_for(kind, owner, result, numbers=(7,)).action is action


def test_remedy_names_who_has_to_act() -> None:
    """Labels, numbers and amounts are in the sentence."""
    owner = Owner(OwnerType.ALLOCATION, "dpdk", 3)
    assert "'dpdk' (allocation 3, 5)" in remedy_for(PageKind.PINNED, owner, Errno.EBUSY, numbers=(3, 5)).text
    assert (
        "allocation 3"
        in remedy_for(PageKind.PINNED, Owner(OwnerType.ALLOCATION, "", 3), Errno.EBUSY, numbers=(3,)).text
    )
    assert "its owner" in remedy_for(PageKind.PINNED, Owner(OwnerType.UNKNOWN), Errno.EBUSY).text
    assert (
        "about 3 MiB more"
        in remedy_for(None, None, Errno.ENOMEM, situation=Situation(wanted_bytes=(2 << 20) + 1)).text
    )


@pytest.mark.parametrize(
    ("owner", "action", "words"),
    [
        (Owner(OwnerType.MEMMAP, "", 33), Action.REMOVE_MEMORY_BLOCK, "memory block 33"),
        (Owner(OwnerType.CMA, "dma"), Action.NOTHING, "CMA area dma"),
        (Owner(OwnerType.RANGE, "[8, 16)"), Action.RELEASE_RANGE, "[8, 16)"),
        (Owner(OwnerType.KERNEL), Action.END_OWNER, "unload the module"),
        (Owner(OwnerType.GIGANTIC, "vm", 2), Action.FREE_GIGANTIC, "gigantic page of vm"),
    ],
)
def test_remedy_for_an_owner_of_another_sort(owner: Owner, action: Action, words: str) -> None:
    """Who has the page decides before its kind does."""
    numbers = () if owner.number is None else (owner.number,)
    found = remedy_for(PageKind.UNMOVABLE, owner, Errno.EBUSY, numbers=numbers)
    assert found.action is action
    assert words in found.text
