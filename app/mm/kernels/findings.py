"""What a recount finds wrong: its kinds, their places, and the numbers that stand for free lists.

Left out: looking for it (kernels.check), words (app.mm.checks.violation).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.mm.kernels._jit import inlined, inlined_kernel, int64


def _number(number: int) -> int:
    # As in layout.py: numba would compile a kernel anew for every Python literal that it is called with.
    return int64(number)


# What a finding says where there is nothing more to say.
NOTHING = _number(0)
NOWHERE = _number(-1)

# --- what can be found; each has room for MOST_PLACES places
F_FREE_MISPLACED = _number(0)  # a free head misaligned, too large, or reaching out of its zone
F_USED_MISPLACED = _number(1)  # the same of any other head
F_GAP = _number(2)  # an online page that belongs to no run
F_FREE_OWNED = _number(3)  # a free head that belongs to an allocation
F_BUDDIES = _number(4)  # two free buddies below the pageblock order
F_MIXED = _number(5)  # a free head over pageblocks whose types may not merge
F_LINK = _number(6)  # neighbours in a list that do not name each other
F_ENTRY = _number(7)  # a list entry that is no free head of the list's order and zone
F_LIST_TYPE = _number(8)  # an entry over a pageblock of another type than the list's
F_LIST_ISOLATE = _number(9)  # an entry that is isolated while its list is not, or the other way round
F_LIST_HIGHATOMIC = _number(10)  # an entry of a HIGHATOMIC list outside HIGHATOMIC pageblocks
F_UNLISTED = _number(11)  # a free head on no list
F_STRAY_HEAD = _number(12)  # a head byte inside a run, or where no memory is online
F_STRAY_OWNER = _number(13)  # an owner there
F_ZONE_BYTE = _number(14)  # a pageblock whose byte names no zone
F_TYPE_BYTE = _number(15)  # a pageblock whose byte names no type, or not as the policy keeps isolation
F_KERNEL_IN_CMA = _number(16)  # a kernel page that the allocator put into a CMA pageblock
F_KERNEL_IN_MOVABLE = _number(17)  # the same in ZONE_MOVABLE
NR_FINDINGS = 18
MOST_PLACES = 8


class Findings(NamedTuple):
    """What is wrong, and where.

    nr: int64[NR_FINDINGS], how often; places: int64[NR_FINDINGS, MOST_PLACES, 3], the first of them: the pfn
    (F_LINK: the row), and two numbers that say more: for a page its head byte and a pfn or owner; for a list
    its number and what was found there.
    """

    nr: NDArray[np.int64]
    places: NDArray[np.int64]


@inlined
def note(f: Findings, what: int, pfn: int, more: int, found: int) -> None:
    """Adds a finding; its place is kept while there is room."""
    number = f.nr[what]
    if number < MOST_PLACES:
        f.places[what, number, 0] = pfn
        f.places[what, number, 1] = more
        f.places[what, number, 2] = found
    f.nr[what] = number + 1


@inlined
def list_number(zone: int, order: int, migratetype: int) -> int:
    """Returns the number that stands for a list in findings: zone, order and type in four bits each."""
    return (((zone << 4) | order) << 4) | migratetype


@inlined_kernel
def zone_of_list(number: int) -> int:
    """Returns the zone of a list."""
    return number >> 8


@inlined_kernel
def order_of_list(number: int) -> int:
    """Returns the order of a list."""
    return (number >> 4) & 15


@inlined_kernel
def type_of_list(number: int) -> int:
    """Returns the type of a list."""
    return number & 15
