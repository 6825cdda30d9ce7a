"""Pieces by reason, and what each reason alone holds back: freeing what a group names releases what it says."""

from collections import Counter

from app.guest.why.explain_groups import describe_groups
from app.units import MIB
from tests.guest.drawn import draw_guest
from tests.guest.explained import explain_vm0, guest_of, pfn_of, put


def label_of(group: dict[str, object]) -> str:
    """Returns whose pages a group's are."""
    owner = group["owner"]
    return str(owner["label"]) if isinstance(owner, dict) else ""


def test_groups_count_pieces_by_reason_and_owner() -> None:
    """One owner's pieces are together, with its pages, numbers, ages and the longest range that they hold."""
    guest = guest_of()
    first = put(guest, "pinned", pfn_of(200), pfn_of(201), pfn_of(202, 5), label="dpdk")
    guest.advance(7_000_000)
    second = put(guest, "pinned", pfn_of(250), pfn_of(250, 1), label="dpdk")
    put(guest, "pinned", pfn_of(250, 2), label="other")
    (group,) = (row for row in describe_groups(explain_vm0(guest)) if row["kind"] == "pinned")
    assert group | {"remedy": None} == {
        "level": "pageblock",
        "result": "EBUSY",
        "kind": "pinned",
        "owner": {"type": "allocation", "label": "dpdk"},
        "numbers": [first, second],
        "count": 4,
        "bytes": 8 * MIB,
        "obstacles": 5,
        "obstacle_pages": 5,
        "youngest_us": 0,
        "oldest_us": 7_000_000,
        "remedy": None,
        "released_alone": 6 * MIB,
        "largest_gain": {
            "start_pfn": pfn_of(200),
            "end_pfn": pfn_of(203),
            "bytes": 6 * MIB,
            "obstacle_pages": 3,
        },
    }


def test_freeing_a_group_releases_what_it_says() -> None:
    """For random guests: without the allocations that a group names, so many bytes less stay plugged."""
    nr_groups = 0
    for seed in range(100):
        guest = draw_guest(seed)
        found = explain_vm0(guest)
        # rfc-v1 fails on free pages over an edge (S04), so that less may be had than nothing stays in.
        if str(found.result) != "EBUSY" or guest.identity.policy == "rfc-v1":
            continue
        groups = describe_groups(found)
        alone = Counter[str]()
        for group in groups:
            alone[label_of(group)] += int(str(group["released_alone"]))
        for group in groups:
            owner = group["owner"]
            if not isinstance(owner, dict) or owner["type"] != "allocation":
                continue
            nr_groups += 1
            helped = guest.fork()
            numbers = group["numbers"]
            assert isinstance(numbers, list)
            for number in numbers:
                helped.pages.free(number)
            helped.resize("vm0", 0)
            released = found.reached - helped.find_device("vm0").device.plugged_size
            # A memmap that goes with the memory block whose last piece this was may have been in the way, too; and
            # what nothing stays in may be had at the next try.
            assert released >= int(str(group["released_alone"])), seed
            if all(other["kind"] not in (None, "unmovable_pages") for other in groups):
                # Pieces that were tried last at another level are another group.
                assert released == alone[label_of(group)], seed
    assert nr_groups > 20
