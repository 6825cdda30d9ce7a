"""docs/failure-files.md and docs/faults.md: the file that they show plays, and every word of the format is there."""

from pathlib import Path

from app.guest.faults.kinds import KINDS
from app.guest.faults.rules_json import MATCHES, MEMBERS
from app.replay.act_reading import ACTS
from app.replay.playing import Player
from app.replay.reading import PARTS, read_replay

DOCS = Path(__file__).parents[2] / "docs"


def test_file_of_the_page_is_played_as_it_stands() -> None:
    """Everything in it is as it expects."""
    page = (DOCS / "failure-files.md").read_text(encoding="utf-8")
    text = page.split("```yaml\n")[1].split("```")[0]
    moments = list(Player(read_replay(text)).play())
    assert all(moment.agrees for moment in moments)
    assert len([check for moment in moments for check in moment.checks]) == 9


def test_pages_name_every_act_part_and_kind() -> None:
    """A word that is added is told."""
    page = (DOCS / "failure-files.md").read_text(encoding="utf-8")
    for word in (*ACTS, *PARTS):
        assert f"`{word}" in page, word
    faults = (DOCS / "faults.md").read_text(encoding="utf-8")
    for word in (*KINDS, *MATCHES, *MEMBERS):
        assert f"`{word}`" in faults, word
