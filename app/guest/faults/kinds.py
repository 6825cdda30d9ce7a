"""The kinds of faults: what each does, what it can be matched to, and which members its rule has.

    chance    every opportunity that matches is drawn: skip, then probability, until count is reached
    window    it is in force for a while, from when the rule is added or `after_us` later
    moment    it happens once, then, or when a request matches

Left out: reading rules (app.guest.faults.rules_json), and where they act (app.guest.faults.ports).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class FaultKind(StrEnum):
    """What goes wrong."""

    DEVICE_BUSY = "device_busy"
    DEVICE_NACK = "device_nack"
    DEVICE_ERROR = "device_error"
    DEVICE_SLOW = "device_slow"
    NOTIFICATION_LOST = "notification_lost"
    DRIVER_ABSENT = "driver_absent"
    DRIVER_BROKEN = "driver_broken"
    CONTIG_BUSY = "contig_busy"
    CONTIG_NOMEM = "contig_nomem"
    MIGRATION_FAILS = "migration_fails"
    ADD_MEMORY_NOMEM = "add_memory_nomem"
    GUEST_HUNG = "guest_hung"
    GUEST_CRASH = "guest_crash"
    GUEST_SLOW = "guest_slow"


class KindRow(NamedTuple):
    """One row of the table: `match` and `members` name what a rule of the kind may say."""

    about: str
    opportunity: str
    match: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


_DRAWN = ("probability", "count", "skip", "seed")
_REQUEST = ("device", "request", "start_addr", "end_addr")
_RANGE = ("device", "level", "start_addr", "end_addr")
_ADDED = ("device", "start_addr", "end_addr")
_WINDOW = ("after_us", "duration_us")
_EACH_REQUEST = "each request that the device could serve"
_EACH_CONTIG = "each attempt of the driver to take a range of online memory"

KINDS: Mapping[FaultKind, KindRow] = {
    FaultKind.DEVICE_BUSY: KindRow(
        "The device answers BUSY: the driver tries again later.",
        _EACH_REQUEST,
        _REQUEST,
        (*_DRAWN, "delay_us"),
    ),
    FaultKind.DEVICE_NACK: KindRow(
        "The device answers NACK: a plug is tried again at once, anything else later.",
        _EACH_REQUEST,
        _REQUEST,
        (*_DRAWN, "delay_us"),
    ),
    FaultKind.DEVICE_ERROR: KindRow(
        "The device answers ERROR: plug and unplug break the driver (D-4).",
        _EACH_REQUEST,
        _REQUEST,
        (*_DRAWN, "delay_us"),
    ),
    FaultKind.DEVICE_SLOW: KindRow(
        "The device answers as it would, but later.",
        _EACH_REQUEST,
        _REQUEST,
        (*_DRAWN, "delay_us"),
        ("delay_us",),
    ),
    FaultKind.NOTIFICATION_LOST: KindRow(
        "The guest is not told of a new requested size: it learns of it with the next notification.",
        "each change of the requested size",
        ("device",),
        _DRAWN,
    ),
    FaultKind.DRIVER_ABSENT: KindRow(
        "The driver begins no work, as if nobody had loaded it.", "", ("device",), _WINDOW
    ),
    FaultKind.DRIVER_BROKEN: KindRow(
        "The driver breaks as it begins its work: it does nothing until it is loaded anew, or the guest reboots.",
        "each work item of the driver",
        ("device",),
        _DRAWN,
    ),
    FaultKind.CONTIG_BUSY: KindRow(
        "alloc_contig_range() answers EBUSY without looking at the range.",
        _EACH_CONTIG,
        _RANGE,
        (*_DRAWN, "delay_us"),
    ),
    FaultKind.CONTIG_NOMEM: KindRow(
        "alloc_contig_range() answers ENOMEM without looking at the range: the work ends, and is retried.",
        _EACH_CONTIG,
        _RANGE,
        (*_DRAWN, "delay_us"),
    ),
    FaultKind.MIGRATION_FAILS: KindRow(
        "A part of the range's movable pages is held for as long as the attempt lasts: they cannot migrate.",
        _EACH_CONTIG,
        _RANGE,
        (*_DRAWN, "fraction"),
    ),
    FaultKind.ADD_MEMORY_NOMEM: KindRow(
        "A memory block cannot be added to Linux: ENOMEM, as if there were no room for its memmap.",
        "each memory block that the driver adds",
        _ADDED,
        (*_DRAWN, "delay_us"),
    ),
    FaultKind.GUEST_HUNG: KindRow(
        "The guest stands still: it takes its requested size and does nothing about it.",
        _EACH_REQUEST,
        _REQUEST,
        (*_DRAWN, *_WINDOW),
    ),
    FaultKind.GUEST_CRASH: KindRow(
        "The guest dies, and is rebooted after a while, if the rule says when.",
        _EACH_REQUEST,
        _REQUEST,
        (*_DRAWN, "after_us", "reason", "reboot_after_us"),
    ),
    FaultKind.GUEST_SLOW: KindRow(
        "All that the guest does takes so many times as long.", "", (), (*_WINDOW, "factor"), ("factor",)
    ),
}

# Kinds that need no opportunity; the two of the guest wait for one when their rule has a match.
WINDOWS = frozenset({FaultKind.DRIVER_ABSENT, FaultKind.GUEST_HUNG, FaultKind.GUEST_SLOW})
MOMENTS = frozenset({FaultKind.GUEST_CRASH})
AT_REQUESTS = frozenset(
    {FaultKind.DEVICE_BUSY, FaultKind.DEVICE_NACK, FaultKind.DEVICE_ERROR, FaultKind.DEVICE_SLOW}
)
AT_CONTIG = frozenset({FaultKind.CONTIG_BUSY, FaultKind.CONTIG_NOMEM, FaultKind.MIGRATION_FAILS})
