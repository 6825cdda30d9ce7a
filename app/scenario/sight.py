"""What can be seen of a stage at one moment: pages, types, lists, counters, broken invariants.

Kept here: equal memory gives an equal sight, so that one of thousands of interleavings costs little.
Left out: what should be seen (app.scenario.judging), how it is shown (app.scenario.telling).
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from app.mm.checks.invariants import verify
from app.mm.checks.violation import Violation
from app.mm.node import Node
from app.mm.policies.switches import HighatomicRule
from app.scenario.device_map import draw_device, draw_device_types
from app.scenario.picture import draw, draw_lists, draw_types
from app.scenario.playing import Play
from app.scenario.stage import GuestStage, Stage
from app.virtio_mem.invariants import verify_device, verify_driver

_TYPE_LOST = "INV-14"
# Sights of a picture of a few thousand pages take kilobytes each.
_MOST_REMEMBERED = 4096


class Sight(NamedTuple):
    """Memory as it looks; counters in pages, of the stage's zone. On a guest: its device's pageblocks, and no lists."""

    pages: str
    types: str
    lists: tuple[str, ...]
    nr_free: int
    nr_free_cma: int
    # None where the kernel has no such counter (B-8).
    nr_free_highatomic: int | None
    nr_reserved_highatomic: int
    violations: tuple[Violation, ...]


class Moment(NamedTuple):
    """A sight, and what the actors have come to; pfns only of those that have allocated."""

    sight: Sight
    results: Mapping[str, str]
    pfns: Mapping[str, int]
    nr_migrated: int
    types_lost: tuple[str, ...]
    values: Mapping[str, int | str]

    @property
    def findings(self) -> tuple[str, ...]:
        """The ids of the broken invariants, each once, in their order."""
        ids = {violation.id for violation in self.sight.violations}
        return in_order(ids | {_TYPE_LOST} if self.types_lost else ids)


def in_order(laws: Iterable[str]) -> tuple[str, ...]:
    """Returns the ids of laws, each once, by their numbers."""
    return tuple(sorted(set(laws), key=lambda law: int(law.rpartition("-")[2])))


class Onlooker:
    """Looks at the stages of one start under one policy, and remembers what it has seen."""

    def __init__(self) -> None:
        """Has seen nothing."""
        self._seen: dict[bytes, Sight] = {}

    def look(self, play: Play) -> Moment:
        """Returns what can be seen now."""
        players = play.players.values()
        return Moment(
            self.see(play.stage, is_operating=play.is_operating),
            {player.name: player.standing for player in players},
            {player.name: player.pfn for player in players if player.pfn >= 0},
            sum(player.nr_migrated for player in players),
            play.types_lost,
            {name: value for player in players for name, value in player.values.items()},
        )

    def see(self, stage: Stage, *, is_operating: bool) -> Sight:
        """Returns how memory looks; is_operating: some operation is under way."""
        if isinstance(stage, GuestStage):
            return _see_guest(stage)
        key = _memory_of(stage.node, is_operating=is_operating)
        sight = self._seen.get(key)
        if sight is None:
            if len(self._seen) >= _MOST_REMEMBERED:
                self._seen.clear()
            sight = self._seen[key] = _see(stage, is_operating=is_operating)
        return sight


def _memory_of(node: Node, *, is_operating: bool) -> bytes:
    """Returns a digest of all that decides what is seen of a small node."""
    digest = blake2b(bytes([is_operating]), digest_size=16)
    for array in node.arrays:
        if isinstance(array, np.ndarray):
            digest.update(array.tobytes())
    for area in node.cma_areas.values():
        digest.update(area.name.encode() + bytes(area.bitmap))
    return digest.digest()


def _see(stage: Stage, *, is_operating: bool) -> Sight:
    node, zone = stage.node, stage.zone
    return Sight(
        draw(node),
        draw_types(node),
        draw_lists(node, zone.index),
        zone.nr_free,
        zone.nr_free_cma,
        _nr_free_highatomic(stage),
        zone.nr_reserved_highatomic,
        tuple(verify(node, is_operating=is_operating)),
    )


def _nr_free_highatomic(stage: Stage) -> int | None:
    has_counter = stage.node.policy.highatomic_rule is not HighatomicRule.RESERVED
    return stage.zone.nr_free_highatomic if has_counter else None


def _see_guest(stage: GuestStage) -> Sight:
    node, zone, region = stage.node, stage.zone, stage.device.region
    device = (stage.first_pfn, region.end // node.geometry.page_size)
    return Sight(
        draw_device(node, *device),
        draw_device_types(node, *device),
        (),
        zone.nr_free,
        zone.nr_free_cma,
        _nr_free_highatomic(stage),
        zone.nr_reserved_highatomic,
        (
            *verify(node),
            *verify_device(stage.device),
            *verify_driver(stage.driver, stage.device),
        ),
    )
