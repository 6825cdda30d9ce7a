"""CMA areas that a guest shall have: checked, and given their places in boot memory.

    0          memmap                       base       base + size    boot_size
    | reserved |  free ....................| area 1   |  free        | area 0 |

An area without a base lies as high as there is room, as the kernel's own do.
Left out: declaring and activating them (app.guest.boot).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.errors import InvalidValue, at_place
from app.mm.cma_area import require_cma_alignment
from app.mm.geometry import Geometry
from app.mm.policies.policy import KernelPolicy
from app.mm.policies.quantities import cma_align
from app.units import align_down

# The kernel's own limit is a build option of about that size.
LARGEST_NR_AREAS = 16
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_NAME_ACCEPTED = "1 to 63 of a-z, 0-9, dots, dashes and underscores, beginning with a letter or digit"


@dataclass(frozen=True, kw_only=True)
class CmaAreaSpec:
    """One CMA area; sizes in bytes, a bit of its bitmap stands for 2**order_per_bit pages."""

    name: str
    size: int
    # None: as high in boot memory as there is room.
    base: int | None = None
    order_per_bit: int = 0


class CmaAreaPlan(NamedTuple):
    """An area with its place, in bytes."""

    name: str
    base: int
    size: int
    order_per_bit: int

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.base + self.size


def plan_cma_areas(
    areas: Sequence[CmaAreaSpec],
    geometry: Geometry,
    policy: KernelPolicy,
    *,
    boot_size: int,
    node_borders: Sequence[int] = (),
) -> tuple[CmaAreaPlan, ...]:
    """Checks the areas and places those without a base; in the order in which they were named.

    node_borders: where NUMA nodes end. No area lies in two zones.
    Raises InvalidValue, naming the area's place and field.
    """
    if len(areas) > LARGEST_NR_AREAS:
        raise InvalidValue("cma_areas", f"{len(areas)} areas", f"at most {LARGEST_NR_AREAS}")
    placed: dict[str, CmaAreaPlan] = {}
    borders = sorted({geometry.dma32_end, *node_borders}, reverse=True)
    # Areas that say where they lie come first: the others make way.
    for number, area in sorted(enumerate(areas), key=lambda pair: pair[1].base is None):
        place = f"cma_areas[{number}]"
        try:
            plan = _place(
                area, tuple(placed.values()), geometry, policy, boot_size=boot_size, borders=borders
            )
            _check(plan, tuple(placed.values()), geometry, policy, boot_size=boot_size, borders=borders)
        except InvalidValue as error:
            raise at_place(error, place) from None
        placed[plan.name] = plan
    return tuple(placed[area.name] for area in areas)


def _place(
    area: CmaAreaSpec,
    placed: tuple[CmaAreaPlan, ...],
    geometry: Geometry,
    policy: KernelPolicy,
    *,
    boot_size: int,
    borders: Sequence[int],
) -> CmaAreaPlan:
    """Returns the area at its base, or as high as nothing is in the way: below 0 when there is no room."""
    base = area.base
    if base is None:
        alignment = cma_align(geometry, policy)
        base = align_down(boot_size - area.size, alignment)
        taken = [(plan.base, plan.end) for plan in placed] + [(border, border) for border in borders]
        for start, end in sorted(taken, reverse=True):
            if start < base + area.size and base < end:
                base = align_down(start - area.size, alignment)
    return CmaAreaPlan(area.name, base, area.size, area.order_per_bit)


def _check(
    plan: CmaAreaPlan,
    placed: tuple[CmaAreaPlan, ...],
    geometry: Geometry,
    policy: KernelPolicy,
    *,
    boot_size: int,
    borders: Sequence[int],
) -> None:
    if not _NAME.fullmatch(plan.name):
        raise InvalidValue("name", plan.name, _NAME_ACCEPTED)
    if plan.name in {other.name for other in placed}:
        raise InvalidValue("name", plan.name, "a name that no other area has")
    if plan.size > boot_size or plan.base < 0:
        raise InvalidValue("size", plan.size, f"what boot memory ({boot_size}) has room for")
    require_cma_alignment(geometry, policy, base=plan.base, size=plan.size, order_per_bit=plan.order_per_bit)
    if plan.end > boot_size:
        raise InvalidValue("base", plan.base, f"at most {boot_size - plan.size}: areas lie in boot memory")
    for border in borders:
        if plan.base < border < plan.end:
            accepted = f"all of the area on one side of {border}, where a zone ends"
            raise InvalidValue("base", plan.base, accepted)
    for other in placed:
        if other.base < plan.end and plan.base < other.end:
            taken = f"none of [{other.base}, {other.end}), which {other.name} has"
            raise InvalidValue("base", plan.base, taken)
