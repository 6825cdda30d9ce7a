"""What stopped the rest, by reason."""

from clients.models import ObstacleGroup, Outcome
from clients.sizes import MIB
from clients.vmemctl.obstacles import obstacle_table, pfns_of, reason_of
from tests.clients import recorded
from tests.clients.vmemctl.terminal import shown

SLAB = {"kind": "unmovable", "level": "pageblock", "result": "EBUSY"}


def outcome_of(count: int, pfns: range) -> Outcome:
    """Returns an outcome with `count` pieces kept by slab, of which those at `pfns` are told one by one."""
    told = [{**SLAB, "pfn": pfn, "bytes": 2 * MIB} for pfn in pfns]
    groups = [{**SLAB, "count": count, "bytes": count * 2 * MIB}]
    return Outcome.model_validate(
        {**recorded.OUTCOME, "obstacles": told, "obstacle_count": count, "obstacle_groups": groups}
    )


def test_obstacle_table_shows_the_first_pages_of_a_group() -> None:
    """A group of many names four of them, and all its pieces and bytes."""
    table = shown(obstacle_table(outcome_of(500, range(16, 22))))
    assert "0x10 0x11 0x12 0x13 ..." in table
    assert "500" in table
    assert "1000 MiB" in table


def test_obstacle_table_names_all_pages_of_a_small_group() -> None:
    """Nothing is left to the imagination where it fits."""
    table = shown(obstacle_table(outcome_of(2, range(16, 18))))
    assert "0x10 0x11" in table
    assert "..." not in table


def test_pfns_of_keeps_to_its_group() -> None:
    """Obstacles of another reason are not mixed in."""
    outcome = outcome_of(1, range(16, 17))
    assert pfns_of(outcome, outcome.obstacle_groups[0]) == (16,)
    assert pfns_of(outcome, outcome.obstacle_groups[0].model_copy(update={"kind": "pinned"})) == ()


def test_reason_that_is_no_page_is_named() -> None:
    """Where no page was in the way, what was is told."""
    group = ObstacleGroup(level="memory_block", result="ENOMEM", count=1, bytes=2 * MIB, cause="fault_rule")
    assert reason_of(group) == "a fault rule"
    assert reason_of(group.model_copy(update={"cause": "memory"})) == "too little memory"
    assert reason_of(group.model_copy(update={"cause": "page"})) == "no page"
