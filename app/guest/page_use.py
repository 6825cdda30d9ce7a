"""Which kinds of pages a caller or a workload may ask a guest to allocate, under which names and orders.

Mirrors semantics section 3 (K-2, K-3).
Left out: kinds that only the simulator itself makes: free, pcp, reserved, offline, hwpoison.
"""

from app.errors import InvalidValue
from app.mm.geometry import Geometry
from app.mm.page import PageKind
from app.mm.policies.policy import KernelPolicy
from app.units import GIB

ALLOCATABLE = (
    PageKind.ANON,
    PageKind.FILE_CLEAN,
    PageKind.FILE_DIRTY,
    PageKind.THP,
    PageKind.HUGETLB,
    PageKind.PINNED,
    PageKind.UNMOVABLE,
    PageKind.UNMOVABLE_PAGES,
    PageKind.RECLAIMABLE,
    PageKind.MOVABLE_OPS,
)
# Words that people use, beside the names of the kinds.
_ALIASES = {
    "file": PageKind.FILE_CLEAN,
    "file_clean": PageKind.FILE_CLEAN,
    "slab": PageKind.UNMOVABLE,
    "pin": PageKind.PINNED,
    "pins": PageKind.PINNED,
}
KIND_NAMES = {kind.api_name: kind for kind in ALLOCATABLE} | _ALIASES
# Kinds of the kernel, and hugetlb, may be as large as a free page; pages of programs do not exceed a pageblock (K-3).
_KERNEL_KINDS = (PageKind.UNMOVABLE, PageKind.UNMOVABLE_PAGES, PageKind.RECLAIMABLE)
_HUGE_KINDS = (PageKind.THP, PageKind.HUGETLB)
_ATOMIC_KINDS = (PageKind.UNMOVABLE, PageKind.UNMOVABLE_PAGES)
# The largest huge page of any architecture: 16 GiB, on ppc64.
LARGEST_HUGETLB_SIZE = 16 * GIB


def parse_kind(name: object, *, field: str) -> PageKind:
    """Returns the kind that `name` means.

    Raises InvalidValue, naming `field`.
    """
    kind = KIND_NAMES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise InvalidValue(field, name, f"one of {', '.join(sorted(KIND_NAMES))}")
    return kind


def default_order(geometry: Geometry, kind: PageKind) -> int:
    """Returns the order of a page of this kind when nobody names one: huge kinds are a pageblock."""
    if kind in _HUGE_KINDS:
        return geometry.thp_order
    return 1 if kind is PageKind.UNMOVABLE_PAGES else 0


def orders_of(geometry: Geometry, kind: PageKind, policy: KernelPolicy | None = None) -> tuple[int, int]:
    """Returns the smallest and the largest order that a page of this kind may have.

    With a policy also those that the buddy does not have, gigantic hugetlb, and those that a switch admits (K-3).
    """
    largest = geometry.pageblock_order
    if kind in _KERNEL_KINDS or kind is PageKind.HUGETLB or (policy and policy.allow_lru_above_pageblock):
        largest = geometry.max_order
    if policy and kind is PageKind.HUGETLB:
        largest = max(largest, (LARGEST_HUGETLB_SIZE // geometry.page_size).bit_length() - 1)
    # One page alone is neither huge nor a group without a head (K-2).
    smallest = 1 if kind in _HUGE_KINDS or kind is PageKind.UNMOVABLE_PAGES else 0
    return smallest, largest


def checked_order(
    geometry: Geometry, kind: PageKind, order: int | None, *, field: str, policy: KernelPolicy | None = None
) -> int:
    """Returns `order`, or the kind's own when it is None; `policy` as for orders_of().

    Raises InvalidValue, naming `field`, when the kind has no such order.
    """
    if order is None:
        return default_order(geometry, kind)
    smallest, largest = orders_of(geometry, kind, policy)
    if not smallest <= order <= largest:
        raise InvalidValue(field, order, f"{smallest} to {largest} for {kind.api_name} pages")
    return order


def require_atomic(kind: PageKind, order: int, *, field: str) -> None:
    """Checks that pages may be asked for with the HIGHATOMIC flag: kernel memory above order 0 (B-12).

    Raises InvalidValue, naming `field`.
    """
    if kind not in _ATOMIC_KINDS or not order:
        kinds = " or ".join(kind.api_name for kind in _ATOMIC_KINDS)
        accepted = f"false for {kind.api_name} pages of order {order}, or {kinds} pages above order 0"
        raise InvalidValue(field, value=True, accepted=accepted)
