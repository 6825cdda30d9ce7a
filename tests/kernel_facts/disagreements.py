"""The rows that disagree, and why: nothing that was recorded could tell the simulator better.

A row that is not named here has to agree, and one that is named here has to disagree.
"""

from typing import NamedTuple

from tests.kernel_facts.facts import Row, Verdict

_WHOSE_MEMMAP = (
    "a page map shows that a pageblock holds memmap, not of which memory block; the simulator takes the lowest for "
    "the lowest, which a guest that was plugged a second time need not have"
)
_CACHED_PAGEBLOCK = (
    "of eight pageblocks that look like memmap seven are, and one waits on a per-CPU list, where 6.1 keeps whole "
    "pageblocks; the map does not say which, the simulator takes the highest, it was the second"
)
_CACHED_IN_BOOT_MEMORY = (
    "of boot memory only the free lists were recorded; on its per-CPU lists the real guest had 1000 pages more to "
    "migrate to, which was just enough for one more memory block"
)
_COMMAND_LINE = "QEMU's command line takes a target that is above the device's size; the simulator refuses it"
_HIDDEN_TYPE = "one unmovable pageblock shows no page of the kernel's, so nothing says which one it is"


class _Known(NamedTuple):
    """What disagrees in one step: all these facts, and why."""

    place: str
    facts: frozenset[str]
    why: str


_REQUESTS = frozenset({"requests", "pageblocks online"})
_KNOWN = (
    _Known("5.10 pin_kernel 10", frozenset({"pageblocks by type before"}), _HIDDEN_TYPE),
    _Known("5.10 pin_kernel 12", _REQUESTS | {"size reached", "MemTotal"}, _WHOSE_MEMMAP),
    _Known("5.10 pin_kernel 18", _REQUESTS, _WHOSE_MEMMAP),
    _Known("6.1 pin_kernel 10", _REQUESTS, _CACHED_PAGEBLOCK),
    _Known("6.1 pin_kernel 16", _REQUESTS, _CACHED_PAGEBLOCK),
    _Known("6.1 pin_kernel 18", _REQUESTS, _WHOSE_MEMMAP),
    _Known(
        "6.1 fill_too_little_room 3 (anon)",
        _REQUESTS
        | {
            "size reached",
            "sizes on the way",
            "first alloc_contig_range calls",
            "alloc_contig_range results",
            "memory blocks",
            "MemTotal",
            "zone Movable: start, spanned, present, managed",
        },
        _CACHED_IN_BOOT_MEMORY,
    ),
    _Known("6.1 qmp_errors 33 (start: requested-size above size)", frozenset({"start"}), _COMMAND_LINE),
)
_REASONS = {f"{known.place}: {fact}": known.why for known in _KNOWN for fact in known.facts}


def reason_of(row: Row) -> str:
    """Returns why a row disagrees, or nothing."""
    return _REASONS.get(row.id, "") if row.verdict is Verdict.DISAGREES else ""


def explained_ids() -> frozenset[str]:
    """Returns the ids of all rows that are known to disagree."""
    return frozenset(_REASONS)
