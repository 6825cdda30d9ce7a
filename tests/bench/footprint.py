"""Bytes of the service's memory for each page of a guest: untouched, in huge pages, in shreds.

Every figure is what a fresh process's resident memory grew by, kernels warm, through the public way of making
and filling a guest.
"""

from collections.abc import Iterable

from app.guest.creation import create_guest
from app.guest.guest import Guest
from app.guest.spec import GuestSpec
from app.guest.warm_up import warm_up
from app.guest.workload_json import parse_workload
from app.units import GIB, TIB, format_size
from tests.bench.child import in_child
from tests.bench.machine import resident_bytes
from tests.bench.subject import Effort
from tests.bench.table import Row, Target, at_most

_SEED = 1
_FILL_HUGE = [{"do": "fill", "kind": "thp", "fraction": 1.0}]
_FILL_SINGLE = [{"do": "fill", "kind": "anon", "order": 0, "fraction": 1.0, "label": "single"}]
_FREE_HALF = [{"do": "free", "label": "single", "fraction": 0.5}]


def measure(effort: Effort) -> Iterable[Row]:
    """Yields bytes per page of each way to use a guest's memory."""
    large, small = TIB // effort.divisor, 16 * GIB // effort.divisor
    yield _row("guest untouched", "untouched", large, at_most(0.02))
    yield _row("all in huge pages", "all_huge", large, at_most(0.05))
    yield _row("all in single pages", "all_single", small, None)
    yield _row("half of the single pages freed at random", "in_shreds", small, at_most(9.5))


def untouched(size: int) -> float:
    """Bytes per page of a guest of `size` bytes that nothing was done with."""
    return _bytes_per_page(size, [])


def all_huge(size: int) -> float:
    """Bytes per page when huge pages hold all of it."""
    return _bytes_per_page(size, _FILL_HUGE)


def all_single(size: int) -> float:
    """Bytes per page when single pages hold all of it."""
    return _bytes_per_page(size, _FILL_SINGLE)


def in_shreds(size: int) -> float:
    """Bytes per page when single pages held all of it and half of them were freed at random."""
    return _bytes_per_page(size, _FILL_SINGLE + _FREE_HALF)


def _row(what: str, function: str, size: int, target: Target | None) -> Row:
    value = in_child(f"tests.bench.footprint:{function}", size)
    return Row("footprint", what, "bytes/page", [value], target, f"guest of {format_size(size)}")


def _bytes_per_page(size: int, workload: list[dict[str, object]]) -> float:
    warm_up(lambda _done, _of, _where: None)
    before = resident_bytes()
    guest = _make(size)
    if workload:
        guest.pages.populate(parse_workload(workload), _SEED)
    nr_pages = size // guest.geometry.page_size
    return (resident_bytes() - before) / nr_pages


def _make(size: int) -> Guest:
    return create_guest(GuestSpec(name="measured", boot_size=size))
