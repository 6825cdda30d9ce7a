"""Findings: places are kept while there is room, and a list's number holds its zone, order and type."""

import pytest

from app.mm.kernels import findings

pytestmark = pytest.mark.interpreted


def test_numbers_of_lists_come_apart_again() -> None:
    """Zone, order and type in four bits each."""
    number = 3 << 8 | 10 << 4 | 5
    assert (findings.zone_of_list(number), findings.order_of_list(number), findings.type_of_list(number)) == (
        3,
        10,
        5,
    )
