"""The page on policies: docs/policies.md is what the code says."""

from pathlib import Path

from app.mm.policies.policy import CLASHES, POLICIES
from app.mm.policies.policy_text import SWITCH_VALUES
from app.operations.policy_page import policy_page

PAGE = Path(__file__).parents[2] / "docs" / "policies.md"


def test_page_is_what_the_code_says() -> None:
    """After a change of policies, `make policies` writes the page anew."""
    assert PAGE.read_text(encoding="utf-8") == policy_page()


def test_page_has_every_policy_switch_and_clash() -> None:
    """One column for each policy, one row for each switch in two tables, one row for each refusal."""
    lines = policy_page().splitlines()
    (head,) = [line for line in lines if "linux-5.15 |" in line]
    assert [cell.strip() for cell in head.strip("|").split("|")] == ["switch", *POLICIES]
    rows = [line for line in lines if line.startswith("| `")]
    assert len(rows) == 2 * len(SWITCH_VALUES) + len(CLASHES)
    (row,) = [line for line in rows if line.startswith("| `merge_rule` | any |")]
    assert "**isolate-only** | isolate-only | isolate-only | **fallback-types** | fallback-types" in row
