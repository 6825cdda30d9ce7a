"""Short failure files for tests, and values of them.

Left out: those that come with the program (examples).
"""

from app.replay.playing import Moment, Player
from app.replay.reading import read_replay
from app.replay.script import Replay
from app.scenario.reading.document import Value, parse_document

GUEST = "guest: {boot_size: 1GiB, devices: [{size: 1GiB, requested_size: 256MiB}]}"


def value_of(text: str) -> Value:
    """Returns the value that a piece of YAML is."""
    return parse_document(text, file="test")


def replay_of(rest: str = "") -> Replay:
    """Returns a file with a small guest, and `rest` below it."""
    return read_replay(f"vmemsim_replay: 1\n{GUEST}\n{rest}", file="test.yaml")


def play(rest: str) -> list[Moment]:
    """Plays such a file."""
    return list(Player(replay_of(rest)).play())
