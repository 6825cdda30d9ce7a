"""Failure files, played in this process, without a service.

Left out: what they are (app.replay.script), and where they come from (app.replay_cli).
"""

from app.replay.playing import Digests, Moment, Player
from app.replay.reading import read_replay
from app.replay.script import Replay
from app.replay.telling import describe_replay, recorded_end, tell_end, tell_moment, tell_title
from app.scenario.reading.document import LARGEST_FILE
from app.scenario.telling import Line

__all__ = [
    "LARGEST_FILE",
    "Digests",
    "Line",
    "Moment",
    "Player",
    "Replay",
    "describe_replay",
    "read_replay",
    "recorded_end",
    "tell_end",
    "tell_moment",
    "tell_title",
]
