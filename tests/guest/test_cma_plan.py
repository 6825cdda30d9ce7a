"""CMA areas that a guest shall have: placed, and refused by the name of their place."""

from dataclasses import replace

import pytest

from app.errors import InvalidValue
from app.guest.boot import boot_node
from app.guest.cma_plan import LARGEST_NR_AREAS, CmaAreaSpec, plan_cma_areas
from app.guest.spec import GuestSpec, plan_guest
from app.mm.checks.invariants import verify
from app.mm.geometry import preset
from app.mm.policies.policy import policy
from app.mm.zone import ZoneId
from app.trace.sink import NullSink
from app.units import GIB, MIB

X86 = preset("x86-64")


def area(name: str = "dma", size: int = 64 * MIB, base: int | None = None, bit: int = 0) -> CmaAreaSpec:
    """Returns the spec of an area."""
    return CmaAreaSpec(name=name, size=size, base=base, order_per_bit=bit)


def places(*areas: CmaAreaSpec, policy_name: str = "linux-5.19") -> list[tuple[str, int]]:
    """Returns names and bases of the areas of a guest of 1 GiB, in MiB."""
    plans = plan_cma_areas(areas, X86, policy(policy_name), boot_size=GIB)
    return [(plan.name, plan.base // MIB) for plan in plans]


def test_areas_without_a_base_lie_as_high_as_there_is_room() -> None:
    """Each below the one before, and none over one that has said where it lies."""
    assert places(area("a"), area("b", 32 * MIB)) == [("a", 960), ("b", 928)]
    assert places(area("a"), area("b", 32 * MIB, 992 * MIB)) == [("a", 928), ("b", 992)]
    assert places(area("a", 2 * MIB), policy_name="linux-5.19") == [("a", 1022)]


@pytest.mark.parametrize(
    ("areas", "policy_name", "field"),
    [
        ((area(base=2 * MIB),), "linux-5.15", "cma_areas[0].base"),
        ((area(size=2 * MIB),), "linux-5.15", "cma_areas[0].size"),
        ((area(size=3 * MIB),), "linux-5.19", "cma_areas[0].size"),
        ((area(size=0),), "linux-5.19", "cma_areas[0].size"),
        ((area(size=2 * GIB),), "linux-5.19", "cma_areas[0].size"),
        ((area(size=2**60),), "linux-5.19", "cma_areas[0].size"),
        ((area(base=GIB),), "linux-5.19", "cma_areas[0].base"),
        ((area(base=992 * MIB),), "linux-5.19", "cma_areas[0].base"),
        ((area(bit=10),), "linux-5.19", "cma_areas[0].order_per_bit"),
        ((area(), area()), "linux-5.19", "cma_areas[1].name"),
        ((area("Dma"),), "linux-5.19", "cma_areas[0].name"),
        ((area(""),), "linux-5.19", "cma_areas[0].name"),
        ((area("a", base=64 * MIB), area("b", base=96 * MIB)), "linux-5.19", "cma_areas[1].base"),
        ((area("a", 768 * MIB), area("b", 512 * MIB)), "linux-5.19", "cma_areas[1].size"),
        (tuple(area(f"a{n}") for n in range(LARGEST_NR_AREAS + 1)), "linux-5.19", "cma_areas"),
    ],
)
def test_area_that_cannot_be_is_refused_by_its_place(
    areas: tuple[CmaAreaSpec, ...], policy_name: str, field: str
) -> None:
    """C-7, S32: alignment is the policy's; areas lie in boot memory, apart from each other."""
    with pytest.raises(InvalidValue) as raised:
        plan_cma_areas(areas, X86, policy(policy_name), boot_size=GIB)
    assert raised.value.members["field"] == field


@pytest.mark.parametrize("policy_name", ["linux-5.15", "linux-6.17"])
def test_booted_node_has_its_areas_active(policy_name: str) -> None:
    """C-8: two areas with free memory around them; all boot memory but the memmap is free."""
    areas = (area("low", base=512 * MIB), area("top"))
    spec = GuestSpec(name="boot", boot_size=GIB, policy=policy_name, cma_areas=areas)
    node = boot_node(plan_guest(spec), NullSink())
    zone = node.zones[ZoneId.DMA32]
    assert zone.nr_free == zone.managed == (GIB - 16 * MIB) // 4096
    assert zone.nr_free_cma == 128 * MIB // 4096
    assert list(node.cma_areas) == ["low", "top"]
    assert verify(node) == []


def test_area_without_a_base_lies_on_one_side_of_the_zone_border() -> None:
    """Of 5 GiB the upper one is too small for 2 GiB: the area goes below 4 GiB; one that says otherwise is refused."""
    (plan,) = plan_cma_areas((area(size=2 * GIB),), X86, policy("linux-5.19"), boot_size=5 * GIB)
    assert plan.base == 2 * GIB
    with pytest.raises(InvalidValue, match="where a zone ends"):
        plan_cma_areas((area(size=2 * GIB, base=3 * GIB),), X86, policy("linux-5.19"), boot_size=5 * GIB)


def test_area_in_the_memmap_is_refused() -> None:
    """What boot memory needs for itself is no area's."""
    spec = GuestSpec(name="boot", boot_size=GIB, cma_areas=(area(base=8 * MIB),))
    with pytest.raises(InvalidValue, match=r"cma_areas\[0\].base"):
        boot_node(plan_guest(spec), NullSink())


def test_area_lies_on_one_node() -> None:
    """The upper node is too small for it, so that it lies as high as there is room in the lower one."""
    spec = GuestSpec(name="boot", boot_size=2 * GIB, numa_nodes=(GIB, GIB), cma_areas=(area(size=GIB // 2),))
    (plan,) = plan_guest(spec).cma_areas
    assert plan.base == 3 * GIB // 2
    sizes = (3 * GIB // 2, GIB // 2)
    (plan,) = plan_guest(replace(spec, numa_nodes=sizes, cma_areas=(area(size=GIB),))).cma_areas
    assert plan.base == GIB // 2
    with pytest.raises(InvalidValue, match="where a zone ends"):
        plan_guest(replace(spec, cma_areas=(area(size=GIB // 2, base=3 * GIB // 4),)))
    with pytest.raises(InvalidValue, match="the memmap lies below"):
        boot_node(plan_guest(replace(spec, cma_areas=(area(size=64 * MIB, base=GIB),))), NullSink())
