"""What the clients of a guest's CMA areas hold: taken with cma_alloc(), by area and first page, until released.

Kept here: INV-16, only what was taken is released.
Left out: taking and releasing themselves (app.mm.cma), what they cost.
"""

from app.errors import InvalidValue, Unknown
from app.guest.clock import SimulatedClock
from app.mm import cma
from app.mm.cma_area import CmaArea
from app.mm.node import Node
from app.mm.outcome import CmaOutcome, Errno

# Far above any area, so that only nonsense is refused.
LARGEST_ALIGN_ORDER = 30


class CmaClients:
    """The areas of one node, and who has which pages of them."""

    def __init__(self, node: Node, clock: SimulatedClock | None = None) -> None:
        """Starts with nothing taken; clock tells when something is."""
        self._node = node
        self._clock = SimulatedClock() if clock is None else clock
        # (area's name, first page) -> pages
        self._rows: dict[tuple[str, int], int] = {}
        # The same keys -> when they were taken.
        self._since_ns: dict[tuple[str, int], int] = {}

    def fork(self, node: Node, clock: SimulatedClock | None = None) -> "CmaClients":
        """Returns an independent copy for a copy of the node."""
        copy = CmaClients(node, clock)
        copy._rows = dict(self._rows)
        copy._since_ns = dict(self._since_ns)
        return copy

    def clear(self) -> None:
        """Forgets what clients have: their memory is gone."""
        self._rows.clear()
        self._since_ns.clear()

    def validate(self, area: str, nr_pages: int, align_order: int) -> None:
        """Raises Unknown or InvalidValue for what alloc() could not even try."""
        found = self._area(area)
        if nr_pages < 1:
            raise InvalidValue("nr_pages", nr_pages, f"1 or more; the area has {found.nr_pages}")
        if not 0 <= align_order <= LARGEST_ALIGN_ORDER:
            raise InvalidValue("align_order", align_order, f"0 to {LARGEST_ALIGN_ORDER}")

    def alloc(self, area: str, nr_pages: int, align_order: int) -> CmaOutcome:
        """Takes pages of an area, aligned to 2**align_order, as validate() passed them; a failure is an outcome."""
        outcome = cma.cma_alloc(self._node, self._area(area), nr_pages, align_order)
        if outcome.result is Errno.OK:
            self._rows[area, outcome.pfn] = nr_pages
            self._since_ns[area, outcome.pfn] = self._clock.now_ns
        return outcome

    def since_ns(self, pfn: int) -> int | None:
        """Returns when the page that a client has at `pfn` was taken; None where no client has it."""
        for (area, first), nr_pages in self._rows.items():
            if first <= pfn < first + nr_pages:
                return self._since_ns[area, first]
        return None

    def held(self, area: str, pfn: int) -> int:
        """Returns how many pages were taken of an area at `pfn`.

        Raises Unknown.
        """
        name = self._area(area).name
        nr_pages = self._rows.get((name, pfn))
        if nr_pages is None:
            raise Unknown("allocation", pfn, [str(start) for other, start in self._rows if other == name])
        return nr_pages

    def release(self, area: str, pfn: int) -> int:
        """Releases what was taken of an area from `pfn` on; returns its pages.

        Raises Unknown.
        """
        nr_pages = self.held(area, pfn)
        is_released = cma.cma_release(self._node, self._area(area), pfn, nr_pages)
        assert is_released, "INV-16: a client's pages are its own"
        del self._rows[area, pfn], self._since_ns[area, pfn]
        return nr_pages

    def state(self) -> tuple[object, ...]:
        """Returns what is taken, for a digest."""
        return tuple(sorted(self._rows.items()))

    def describe(self) -> list[dict[str, object]]:
        """Returns the areas and what is taken of them, JSON-ready, sizes in bytes."""
        page_size = self._node.geometry.page_size
        return [
            {
                "name": area.name,
                "base": area.start_pfn * page_size,
                "size": area.nr_pages * page_size,
                "order_per_bit": area.order_per_bit,
                "used": area.nr_used_pages * page_size,
                "allocations": [
                    {"pfn": pfn, "nr_pages": nr_pages}
                    for (name, pfn), nr_pages in sorted(self._rows.items())
                    if name == area.name
                ],
            }
            for area in self._node.cma_areas.values()
        ]

    def _area(self, name: str) -> CmaArea:
        area = self._node.cma_areas.get(name)
        if area is None:
            raise Unknown("CMA area", name, self._node.cma_areas)
        return area
