"""How sizes, requests and calls read in the table: short, runs of equal things folded."""

from collections.abc import Iterable, Sequence

from tests.kernel_facts.recordings import Call, Request

MIB = 1 << 20
_ANSWERS = ("", " NACK", " BUSY", " ERROR")
_ERRORS = {0: "0", -16: "EBUSY", -12: "ENOMEM"}
_MOST_RUNS = 6


def mib(size: int) -> str:
    """Returns a size in MiB."""
    whole, rest = divmod(size, MIB)
    return f"{whole} MiB" if not rest else f"{size / MIB:.3f} MiB"


def requests(sent: Sequence[Request]) -> str:
    """Returns requests as "8 x plug 64 at 0 by 64": how many, blocks each, first block, distance."""
    return _folded([(f"{op} {blocks}{_ANSWERS[answer]}", first) for op, first, blocks, answer in sent])


def calls(made: Sequence[Call]) -> str:
    """Returns calls as "5 x 64 at 448: EBUSY": how many, pageblocks each, first pageblock, result."""
    return _folded([(f"{count}, {_ERRORS[result]},", first) for first, count, result in made])


def numbers(found: Iterable[int]) -> str:
    """Returns numbers as "0-7, 9"."""
    runs: list[list[int]] = []
    for number in sorted(found):
        if runs and runs[-1][1] + 1 == number:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in runs) or "none"


def pageblocks(found: frozenset[int]) -> str:
    """Returns how many pageblocks of the region, and which."""
    return f"{len(found)}: {numbers(found)}"


def _folded(items: Sequence[tuple[str, int]]) -> str:
    """Returns neighbours of one text and one distance together."""
    runs: list[tuple[str, list[int]]] = []
    for text, first in items:
        if runs and runs[-1][0] == text and _continues(runs[-1][1], first):
            runs[-1][1].append(first)
        else:
            runs.append((text, [first]))
    shown = [_run(text, firsts) for text, firsts in runs[:_MOST_RUNS]]
    more = [f"... {len(items)} in all"] if len(runs) > _MOST_RUNS else []
    return "; ".join(shown + more) or "none"


def _continues(firsts: list[int], first: int) -> bool:
    return len(firsts) == 1 or first - firsts[-1] == firsts[1] - firsts[0]


def _run(text: str, firsts: list[int]) -> str:
    if len(firsts) == 1:
        return f"{text} at {firsts[0]}"
    return f"{len(firsts)} x {text} at {firsts[0]} by {firsts[1] - firsts[0]}"
