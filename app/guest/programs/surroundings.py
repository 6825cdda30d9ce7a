"""What a guest's programs act on and live by: its pages, its clock, and what its acts cost.

Left out: what the programs do (app.guest.programs.programs).
"""

from dataclasses import dataclass

from app.guest.allocations import AllocationTable
from app.guest.clock import SimulatedClock
from app.guest.cost import CostProfile, Pace
from app.guest.devices import Backings
from app.mm.geometry import Geometry
from app.mm.node import Node
from app.trace.sink import Sink


@dataclass(frozen=True)
class Surroundings:
    """The parts of one guest that its programs touch."""

    node: Node
    table: AllocationTable
    backings: Backings
    clock: SimulatedClock
    sink: Sink
    profile: CostProfile
    pace: Pace

    @property
    def geometry(self) -> Geometry:
        """The guest's sizes."""
        return self.node.geometry
