"""A comparison on a terminal of 100 columns: levels, what broke, what stays; cases of a scenario."""

from typing import Any

from clients.compare_models import Comparison
from clients.vmemctl.compare_tables import broken, comparison_view
from tests.clients import recorded
from tests.clients.vmemctl.terminal import shown


def lines_of(comparison: dict[str, Any], *, width: int = 100) -> list[str]:
    """The lines that a terminal shows."""
    return shown(comparison_view(Comparison.model_validate(comparison)), width=width).splitlines()


def test_comparison_fits_a_terminal() -> None:
    """A line for each level, none longer than 100 columns, nothing left out."""
    lines = lines_of(recorded.COMPARISON)
    assert max(map(len, lines)) <= 100
    text = " ".join(" ".join(lines).split())
    for piece in ("web: vm0 from 1 GiB to 0 B", "rfc-v1", "INV-8", "types lost: 3", "refused: vm0 has 2 MiB"):
        assert piece in text
    for level in recorded.OUTCOME["by_level"]:
        assert any(level in line for line in lines)


def test_what_stays_is_told_by_reason_and_cut() -> None:
    """Four reasons each; the rest is counted."""
    group = {"kind": "pinned", "level": "pageblock", "result": "EBUSY", "count": 1, "bytes": 4096}
    outcome = recorded.OUTCOME | {"obstacle_groups": [group] * 6}
    rows = [recorded.COMPARISON["rows"][0] | {"outcome": outcome}]
    lines = lines_of(recorded.COMPARISON | {"rows": rows})
    assert sum("pinned" in line for line in lines) == 4
    assert any("and 2 reasons more" in line for line in lines)


def test_scenario_has_a_table_for_each_case() -> None:
    """A line for each end; what was broken on the way stands in brackets; a refused row says where and why."""
    lines = lines_of(recorded.PLAYED)
    assert lines[0].strip() == "scenario S08"
    assert [line.strip() for line in lines if line.strip() == "a race"] == ["a race"]
    assert any("A OK" in line and "INV-8 (INV-10)" in line for line in lines)
    assert any("A EBUSY@test" in line for line in lines)
    assert lines[-1].strip() == "a race, linux-5.15: refused: turn 1 never comes"
    guest = recorded.PLAYED["rows"][0] | {"fallback": ["memory_block", "pageblock"]}
    assert any(
        "memory_block,pageblock" in line for line in lines_of(recorded.PLAYED | {"rows": [guest]}, width=120)
    )


def test_policy_with_several_levels_is_named_with_them() -> None:
    """Where a policy runs twice, what was obtained and what stays say in which row."""
    row = recorded.COMPARISON["rows"][0]
    group = {"kind": "pinned", "level": "chunk", "result": "EBUSY", "count": 1, "bytes": 4096}
    outcome = recorded.OUTCOME | {"obstacle_groups": [group]}
    rows = [row | {"outcome": outcome, "fallback": ["memory_block", low]} for low in ("pageblock", "chunk")]
    lines = lines_of(recorded.COMPARISON | {"rows": rows})
    assert max(map(len, lines)) <= 100
    assert [sum(f"[memory_block, {low}]" in line for line in lines) for low in ("pageblock", "chunk")] == [
        2,
        2,
    ]


def test_scenario_with_a_device_has_a_line_for_each_level() -> None:
    """Bytes, attempts, what is left and the time stand in the columns that a guest has too; a refused row has none."""
    case = recorded.PLAYED["rows"][0]
    end = case["played"]["ends"][0] | {"values": recorded.DEVICE_VALUES}
    ends = [end, case["played"]["ends"][1]]
    rows = [case | {"played": case["played"] | {"ends": ends}, "broken_meanwhile": []}]
    lines = lines_of(recorded.PLAYED | {"rows": [*rows, recorded.PLAYED["rows"][1]]})
    assert max(map(len, lines)) <= 100
    number = next(number for number, line in enumerate(lines) if "memory_block" in line)
    first, second, without = lines[number : number + 3]
    cells = [cell.strip() for cell in first.split("  ") if cell.strip()]
    assert cells[2:7] == ["memory_block", "0 B", "1/1", "4 MiB", "6.29 ms"]
    assert second.split() == ["chunk", "124", "MiB", "1/32"]
    assert "A EBUSY@test" in without
    assert any("linux-5.15" in line and "refused" in line for line in lines)


def test_capture_is_named_by_its_kernel() -> None:
    """It has no other name."""
    told = recorded.COMPARISON | {"start": {"kernel_release": "6.1.0", "policy": "linux-5.19"}}
    assert lines_of(told)[0].strip().startswith("capture of 6.1.0: vm0")


def test_failures_stand_before_findings() -> None:
    """A defect of the simulator is marked; a sound row has a dash."""
    row = recorded.COMPARISON["rows"][0]
    laws = [*row["broken"], {"id": "INV-3", "weight": "failure"}]
    both, none = Comparison.model_validate(
        recorded.COMPARISON | {"rows": [row | {"broken": laws}, recorded.COMPARISON["rows"][1]]}
    ).rows
    assert broken(both).plain == "INV-3! INV-8 types lost: 3"
    assert broken(none).plain == "-"
