"""Which pages may be asked for: names, aliases and orders."""

import pytest

from app.errors import InvalidValue
from app.guest.page_use import (
    ALLOCATABLE,
    KIND_NAMES,
    checked_order,
    default_order,
    orders_of,
    parse_kind,
    require_atomic,
)
from app.mm.geometry import preset
from app.mm.page import PageKind
from app.mm.policies.policy_text import parse_policy

X86 = preset("x86-64")


def test_parse_kind_knows_names_and_aliases() -> None:
    """The kinds' own names, and the words that people use."""
    assert parse_kind("anon", field="kind") is PageKind.ANON
    assert parse_kind("file", field="kind") is PageKind.FILE_CLEAN
    assert parse_kind("file_dirty", field="kind") is PageKind.FILE_DIRTY
    assert parse_kind("slab", field="kind") is PageKind.UNMOVABLE
    assert set(KIND_NAMES.values()) == set(ALLOCATABLE)


@pytest.mark.parametrize(
    "name", ["free", "offline", "reserved", "none", "pcp", "ANON", "", None, 3, ["anon"]]
)
def test_parse_kind_refuses_what_nobody_allocates(name: object) -> None:
    """Kinds that only the simulator makes, and what is no name, are refused by the field."""
    with pytest.raises(InvalidValue) as caught:
        parse_kind(name, field="parts[1].kind")
    assert caught.value.members["field"] == "parts[1].kind"


@pytest.mark.parametrize("kind", ALLOCATABLE)
def test_default_order_is_one_of_orders(kind: PageKind) -> None:
    """What is taken when nobody names an order could also have been named."""
    smallest, largest = orders_of(X86, kind)
    assert smallest <= default_order(X86, kind) <= largest
    assert checked_order(X86, kind, None, field="order") == default_order(X86, kind)


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        (PageKind.ANON, 10),
        (PageKind.THP, 0),
        (PageKind.HUGETLB, 11),
        (PageKind.THP, 10),
        (PageKind.UNMOVABLE_PAGES, 0),
        (PageKind.UNMOVABLE, 11),
        (PageKind.RECLAIMABLE, -1),
    ],
)
def test_checked_order_refuses_impossible(kind: PageKind, order: int) -> None:
    """Pages of programs do not exceed a pageblock, huge ones are no single page (K-2, K-3)."""
    with pytest.raises(InvalidValue, match="order"):
        checked_order(X86, kind, order, field="order")


def test_checked_order_keeps_possible() -> None:
    """A kernel allocation may be as large as a free page, and so may hugetlb."""
    assert checked_order(X86, PageKind.HUGETLB, 10, field="order") == 10
    assert checked_order(X86, PageKind.UNMOVABLE, 10, field="order") == 10
    assert checked_order(X86, PageKind.ANON, 9, field="order") == 9


def test_orders_that_a_policy_adds() -> None:
    """K-3: gigantic hugetlb up to 16 GiB, and large pages of programs where a switch admits them."""
    plain, large = (parse_policy(f"linux-5.19+allow_lru_above_pageblock={it}") for it in ("no", "yes"))
    assert orders_of(X86, PageKind.HUGETLB, plain) == (1, 22)
    assert [orders_of(X86, PageKind.THP, policy) for policy in (None, plain, large)] == [
        (1, 9),
        (1, 9),
        (1, 10),
    ]
    assert orders_of(X86, PageKind.UNMOVABLE, large) == (0, 10)


@pytest.mark.parametrize(
    ("kind", "order", "is_atomic"),
    [
        (PageKind.UNMOVABLE, 1, True),
        (PageKind.UNMOVABLE_PAGES, 10, True),
        (PageKind.UNMOVABLE, 0, False),
        (PageKind.RECLAIMABLE, 1, False),
        (PageKind.ANON, 1, False),
    ],
)
def test_atomic_requests_are_for_kernel_memory(kind: PageKind, order: int, is_atomic: bool) -> None:  # noqa: FBT001 - a column of the table
    """B-12: above order 0 only."""
    if is_atomic:
        require_atomic(kind, order, field="highatomic")
        return
    with pytest.raises(InvalidValue, match="highatomic"):
        require_atomic(kind, order, field="highatomic")
