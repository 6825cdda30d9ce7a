"""docs/policies.md: every policy, every switch and what does not go together, as a page for people.

Left out: the same as JSON (app.operations.catalog).
"""

from collections.abc import Iterator, Sequence

from app.guest.catalog import CLASHES, MEANINGS, POLICIES, SWITCH_VALUES, KernelPolicy, word

_HEAD = """\
# Policies and switches

`vmemsim policies` writes this page; a test holds it to the code. Rule ids (B-5, S08, INV-8) are those of the
simulation's specification, which tests and error messages cite as well.

A policy is written as a name, and behind a plus sign the switches that differ from it:

    linux-6.6
    linux-5.15+allow_unsafe=yes,cma_align=pageblock
    linux-6.6+fallback=memory_block:chunk:pageblock

It goes wherever a policy is asked for: `policy` in the REST API, `--policy` of `vmemctl`, scenario files.
`GET /v1/policies/TEXT` shows all its switches.
"""


def policy_page() -> str:
    """Returns the page."""
    return "\n".join([_HEAD, *_policies(), *_switches(), *_clashes()])


def _policies() -> Iterator[str]:
    yield "## Policies"
    yield ""
    yield "A value in bold differs from that of the policy to its left."
    yield ""
    yield from _table(
        ["switch", *POLICIES],
        ([f"`{switch}`", *_row(switch, list(POLICIES.values()))] for switch in SWITCH_VALUES),
    )


def _row(switch: str, policies: Sequence[KernelPolicy]) -> Iterator[str]:
    before: str | None = None
    for policy in policies:
        value = word(getattr(policy, switch))
        yield value if before in {None, value} else f"**{value}**"
        before = value


def _switches() -> Iterator[str]:
    yield "## Switches"
    yield ""
    rows = ([f"`{name}`", ", ".join(values), MEANINGS[name]] for name, values in SWITCH_VALUES.items())
    yield from _table(["switch", "values", "what it decides"], rows)


def _clashes() -> Iterator[str]:
    yield "## What does not go together"
    yield ""
    yield "Refused by name. Where a remedy is named, it is `allow_unsafe=yes`: the combination then runs, and breaks."
    yield ""
    rows = (
        [f"`{it.switch}` {it.combination}", it.why, "none" if it.is_forbidden else "allow_unsafe"]
        for it in CLASHES
    )
    yield from _table(["combination", "why", "remedy"], rows)


def _table(names: Sequence[str], rows: Iterator[list[str]]) -> Iterator[str]:
    for cells in (names, ["---"] * len(names), *rows):
        yield f"| {' | '.join(cells)} |"
    yield ""
