"""The tables of docs/invariants.md, from checks.laws and checks.causes: laws, causes, what each preset may break.

`python -m tests.mm.law_tables` writes them into the document; a test holds the two together.
"""

from collections.abc import Iterable
from pathlib import Path

from app.mm.checks.causes import CAUSES, Cause, excused_signs
from app.mm.checks.laws import LAWS, Law, Sign
from app.mm.geometry import preset
from app.mm.policies.policy import POLICIES

DOCUMENT = Path(__file__).parents[2] / "docs" / "invariants.md"
_BEGIN, _END = "<!-- {}: written by python -m tests.mm.law_tables -->", "<!-- end of {} -->"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join((_row(*head), _row(*("---" for _ in head)), *(_row(*row) for row in rows)))


def _causes_of(law: Law) -> str:
    """Returns the numbers of the causes that leave one of a law's signs when it is looked at."""
    numbers = [
        f"{number}" + ("" if cause.at_rest & law.signs else " (middle)")
        for number, cause in enumerate(CAUSES, start=1)
        if (cause.at_rest | (cause.midway if law.is_midway else frozenset())) & law.signs
    ]
    return ", ".join(numbers) or "never"


def law_table() -> str:
    """Returns a line for each law: its sentence, when it holds, and the causes that make it a finding."""
    rows = (
        (name, law.sentence, "yes" if law.is_midway else "no", _causes_of(law)) for name, law in LAWS.items()
    )
    return _table(("law", "says", "between sections", "a finding by cause"), rows)


def _words(signs: frozenset[Sign]) -> str:
    return "; ".join(sign.value for sign in Sign if sign in signs) or "-"


def _cause_row(number: int, cause: Cause) -> tuple[str, ...]:
    midway = _words(cause.midway - cause.at_rest)
    return str(number), cause.rule, cause.switches, cause.sentence, _words(cause.at_rest), midway


def cause_table() -> str:
    """Returns a line for each cause: its rule, for which switches, why, and the signs that it leaves."""
    head = ("no.", "rule", "switches", "what releases do", "signs at rest", "and in the middle")
    return _table(head, (_cause_row(number, cause) for number, cause in enumerate(CAUSES, start=1)))


def broken_laws(policy_name: str, *, geometry_name: str, is_operating: bool) -> list[str]:
    """Returns the laws that may be findings under a preset, on a geometry."""
    signs = excused_signs(POLICIES[policy_name], preset(geometry_name), is_operating=is_operating)
    return [name for name, law in LAWS.items() if law.signs & signs and (law.is_midway or not is_operating)]


def _numbers(names: list[str]) -> str:
    return ", ".join(name.removeprefix("INV-") for name in names) or "none"


def preset_table() -> str:
    """Returns a line for each preset: the laws that may be findings, with two and with four pageblocks to a chunk."""
    moments = [(geometry, is_operating) for geometry in ("x86-64", "s390x") for is_operating in (False, True)]
    rows = (
        (
            name,
            *(
                _numbers(broken_laws(name, geometry_name=geometry, is_operating=is_operating))
                for geometry, is_operating in moments
            ),
        )
        for name in POLICIES
    )
    head = (
        "policy",
        "at rest",
        "in the middle",
        "at rest, four to a chunk",
        "in the middle, four to a chunk",
    )
    return _table(head, rows)


def with_tables(text: str) -> str:
    """Returns a document with the tables between their marks."""
    for name, table in (("laws", law_table()), ("causes", cause_table()), ("presets", preset_table())):
        begin, end = _BEGIN.format(name), _END.format(name)
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n{table}\n{end}{after}"
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
