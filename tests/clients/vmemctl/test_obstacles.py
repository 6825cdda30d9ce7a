"""Obstacles that are alike, together."""

from clients.models import Obstacle, Outcome
from clients.sizes import MIB
from clients.vmemctl.obstacles import group_obstacles, obstacle_table
from tests.clients import recorded
from tests.clients.vmemctl.terminal import shown


def obstacle(
    pfn: int | None, kind: str | None, *, level: str = "pageblock", result: str = "EBUSY"
) -> Obstacle:
    """Returns an obstacle of 2 MiB."""
    return Obstacle(pfn=pfn, kind=kind, level=level, result=result, bytes=2 * MIB)


def test_group_obstacles_puts_the_largest_group_first() -> None:
    """Kind, level and result make a group; its pages are in order."""
    groups = group_obstacles(
        [
            obstacle(9, "pinned"),
            obstacle(5, "unmovable"),
            obstacle(3, "unmovable"),
            obstacle(7, "unmovable", level="chunk"),
        ]
    )
    assert [(group.kind, group.level, group.pieces, group.bytes, group.pfns) for group in groups] == [
        ("unmovable", "pageblock", 2, 4 * MIB, (3, 5)),
        ("pinned", "pageblock", 1, 2 * MIB, (9,)),
        ("unmovable", "chunk", 1, 2 * MIB, (7,)),
    ]


def test_group_obstacles_keeps_a_shortage_apart() -> None:
    """Where no page was in the way, no page is named."""
    (group,) = group_obstacles([obstacle(None, None, result="ENOMEM")])
    assert group.kind == "a shortage, no page"
    assert group.pfns == ()


def test_obstacle_table_shows_the_first_pages_of_a_group() -> None:
    """A group of many names four of them."""
    obstacles = tuple(obstacle(pfn, "unmovable") for pfn in range(16, 22))
    outcome = Outcome.model_validate(recorded.OUTCOME).model_copy(
        update={"obstacles": obstacles, "obstacle_count": 6}
    )
    assert "0x10 0x11 0x12 0x13 ..." in shown(obstacle_table(outcome))


def test_obstacle_table_says_what_the_answer_left_out() -> None:
    """Obstacles are bounded; the full count stands beside them."""
    outcome = Outcome.model_validate({**recorded.OUTCOME, "obstacle_count": 500})
    assert "and 499 more pieces" in shown(obstacle_table(outcome))
