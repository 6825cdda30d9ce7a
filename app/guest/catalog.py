"""What a guest can be made of: the kernel policies, the geometries and the ready-made workloads, by name."""

from app.guest.workload import WORKLOADS
from app.mm.geometry import PRESETS
from app.mm.policy import POLICIES

__all__ = ["POLICIES", "PRESETS", "WORKLOADS"]
