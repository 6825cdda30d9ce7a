"""Outcomes: values that read like the kernel's."""

from app.mm.outcome import ContigOutcome, Errno, Obstacle
from app.mm.page import PageKind


def test_errno_reads_as_the_kernel_s_names() -> None:
    """OK is 0, everything else its own name."""
    assert str(Errno.OK) == "0"
    assert [str(code) for code in Errno if code is not Errno.OK] == [
        code.name for code in Errno if code is not Errno.OK
    ]


def test_contig_outcome_of_success_has_no_step_and_no_obstacle() -> None:
    """Only a failure has a place where it happened."""
    outcome = ContigOutcome(Errno.OK)
    assert (outcome.step, outcome.obstacle) == ("", None)
    assert set(outcome[3:]) == {0, ()}


def test_obstacle_names_page_and_kind() -> None:
    """Which page, and what it is."""
    obstacle = Obstacle(17, PageKind.PINNED)
    assert (obstacle.pfn, obstacle.kind.api_name) == (17, "pinned")
