"""Pictures in tests: a node from one line and a style.

Left out: what may be drawn (app.scenario.picture).
"""

from typing import NamedTuple

from app.mm.node import Node
from app.mm.policies.policy import policy
from app.mm.zone import ZONE_NAMES, ZoneId
from app.scenario.picture import build
from app.scenario.script import PictureStart


class Style(NamedTuple):
    """What a picture does not show; see app.scenario.script.PictureStart."""

    policy: str = "linux-5.19"
    chunk_shift: int = 1
    zone: ZoneId = ZoneId.NORMAL
    types: str = ""
    freed_in_order: tuple[int, ...] = ()


def parse(picture: str, style: Style | None = None) -> Node:
    """Makes a node of a picture."""
    style = style or Style()
    start = PictureStart(
        picture, style.types, style.freed_in_order, style.chunk_shift, ZONE_NAMES[style.zone]
    )
    return build(start, policy(style.policy))
