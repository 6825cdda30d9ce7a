"""Searching: free heads on no list, and bytes where no run begins."""

import numpy as np
import pytest

from app.mm.checks.violation import no_findings
from app.mm.kernels import findings, layout, search
from app.mm.page import PageKind
from tests.model.pictures import parse

pytestmark = pytest.mark.interpreted


def test_unlisted_heads_are_those_without_a_mark() -> None:
    """Marks are set for sound entries; without any, every free head is found."""
    node = parse("|M.......|........|        |        |")
    noted = no_findings()
    is_listed = np.zeros(node.arrays.head.size, np.uint8)
    search.find_unlisted(node.arrays, is_listed, noted)
    assert noted.places[findings.F_UNLISTED, : noted.nr[findings.F_UNLISTED], 0].tolist() == [1, 2, 4, 8]
    search.mark_entries(node.arrays, is_listed)
    noted = no_findings()
    search.find_unlisted(node.arrays, is_listed, noted)
    assert noted.nr.sum() == 0


def test_strays_are_bytes_inside_runs_and_without_memory() -> None:
    """Where the run begins that holds them, or -1."""
    node = parse("|T-------|........|        |        |")
    layout.set_head(node.arrays, 3, int(PageKind.ANON), 0)
    layout.set_head(node.arrays, 17, int(PageKind.ANON), 0)
    layout.set_owner(node.arrays, 9, 4)
    noted = no_findings()
    search.find_strays(node.arrays, noted)
    assert noted.places[findings.F_STRAY_HEAD, :2].tolist() == [[3, 3, 0], [17, 3, -1]]
    assert noted.places[findings.F_STRAY_OWNER, :1].tolist() == [[9, 4, 8]]
