"""Laws: each is a sentence, in the order of the text, and those between lock sections are the text's."""

from app.mm.checks.laws import LAWS


def test_laws_are_sentences_in_the_order_of_the_text() -> None:
    """INV-17 to INV-22, INV-26 to INV-28 and INV-30 are the driver's and the device's."""
    numbers = [int(name.removeprefix("INV-")) for name in LAWS]
    assert numbers == [*range(1, 17), 23, 24, 25, 29]
    assert all(law.sentence.endswith(".") for law in LAWS.values())


def test_laws_between_sections_are_those_marked_m_in_the_text() -> None:
    """S M in semantics section 10; INV-4, INV-8 and INV-10 "M from 6.10" are findings before."""
    midway = [name for name, law in LAWS.items() if law.is_midway]
    assert midway == [f"INV-{number}" for number in (1, 2, 3, 4, 7, 8, 9, 10, 25)]
