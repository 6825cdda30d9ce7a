"""The command: `python -m tests.kernel_facts` writes docs/kernel-facts.md; rows that need a look go to the terminal."""

import sys

from tests.kernel_facts.document import PATH, describe
from tests.kernel_facts.everything import all_rows
from tests.kernel_facts.facts import Verdict


def main() -> int:
    """Writes the document; returns 1 when a row disagrees without a reason."""
    rows = all_rows()
    PATH.write_text(describe(rows), encoding="utf-8")
    unexplained = [row for row in rows if row.verdict is Verdict.DISAGREES and not row.reason]
    for row in unexplained:
        sys.stdout.write(f"{row.id}: real {row.real}, simulated {row.simulated} {row.difference}\n")
    sys.stdout.write(f"{PATH.name}: {len(rows)} facts, {len(unexplained)} disagree without a reason\n")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
