"""Page flags: the bits that the recorded guests show are the bits that are named here."""

import pytest

from app.guest.capture import page_flags
from app.guest.capture.decoder import decode_capture
from tests.guest.capture_files import REAL_CAPTURES, REAL_NAMES

BITS = {name: value for name, value in vars(page_flags).items() if name.startswith("KPF_")}


def test_bits_are_all_different() -> None:
    """No bit has two names, and none lies where the kernel has none."""
    assert len(set(BITS.values())) == len(BITS)
    assert set(BITS.values()) == set(range(27)) | set(range(32, 43))


def test_mask_sets_each_bit_once() -> None:
    """A mask of bits is the word in which they are set, however often one is named."""
    assert page_flags.mask() == 0
    assert page_flags.mask(page_flags.KPF_BUDDY, page_flags.KPF_RESERVED) == 0x1_0000_0400
    assert page_flags.mask(3, 3) == 8


@pytest.mark.parametrize("name", REAL_NAMES)
def test_bits_of_real_guests_agree_with_their_counters(name: str) -> None:
    """About as many pages are flagged free as zoneinfo counts free, in every zone; no bit is unknown."""
    with (REAL_CAPTURES / f"{name}.vmem").open("rb") as file:
        machine = decode_capture(file)
    known = page_flags.mask(*BITS.values())
    assert not (machine.run_flags & ~machine.run_flags.dtype.type(known)).any()
    for zone in machine.zones:
        flags = machine.flags_of(zone.start_pfn, zone.end_pfn)
        free = int((flags >> page_flags.KPF_BUDDY & 1).sum())
        assert free == pytest.approx(zone.free, rel=0.001)
