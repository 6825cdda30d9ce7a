"""The command: `python -m tests.fuzz [--minutes M] [--seed N] [--keep]`, which is `make fuzz`.

First it looks for every law that the thread predicts to be broken, and prints the smallest scenario of each; then, for
the rest of the time, for one in which a policy breaks what it must keep. Exits with 1 if a law is not broken as
predicted, or broken where none may be. The same seed draws the same scenarios.
"""

import argparse
import sys
import time
from pathlib import Path

from tests.fuzz.targets import CLEAN, TARGETS, find_target, find_unclean

EXAMPLES = Path(__file__).resolve().parents[1] / "data" / "minimal_examples"
_MOST_FOR_TARGET = 20_000
_CLEAN_AT_A_TIME = 500


def main() -> int:
    """Looks for all of it, and says what was found."""
    options = _parse()
    end = time.monotonic() + 60 * options.minutes
    missed = _hunt(options.seed, is_kept=options.keep)
    unclean = _search_clean(options.seed, end)
    if missed:
        print(f"not found: {', '.join(missed)}")
    return int(bool(missed) or unclean)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long to look (10)")
    parser.add_argument("--seed", type=int, default=1, help="where to start (1)")
    parser.add_argument("--keep", action="store_true", help=f"write what is found to {EXAMPLES.name}/")
    return parser.parse_args()


def _hunt(seed: int, *, is_kept: bool) -> list[str]:
    """Prints the smallest scenario for each target; returns the names of those that were not hit."""
    missed = []
    for target in TARGETS:
        text = find_target(target, number=seed, most=_MOST_FOR_TARGET)
        print(f"\n# {target.name}\n{text or 'not found'}", flush=True)
        if text is None:
            missed.append(target.name)
        elif is_kept:
            EXAMPLES.mkdir(parents=True, exist_ok=True)
            (EXAMPLES / f"{target.name}.yaml").write_text(text)
    return missed


def _search_clean(seed: int, end: float) -> bool:
    """Looks at policies in turn until time is up; returns whether one of them broke what it must keep."""
    drawn = dict.fromkeys(CLEAN, 0)
    number = seed
    while time.monotonic() < end:
        for policy in CLEAN:
            text = find_unclean(policy, number=number, most=_CLEAN_AT_A_TIME)
            drawn[policy] += _CLEAN_AT_A_TIME
            if text is not None:
                print(f"\n# {policy} breaks what it must keep (seed {number})\n{text}")
                return True
        number += 1
    counts = ", ".join(f"{policy} {count}" for policy, count in drawn.items())
    print(f"\nscenarios in which no strict law was broken: {counts}")
    return False


if __name__ == "__main__":
    sys.exit(main())
