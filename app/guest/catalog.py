"""What a guest can be made of: the kernel policies and their switches, the geometries and the ready-made workloads."""

from app.guest.workload import WORKLOADS
from app.mm.geometry import PRESETS
from app.mm.policies.policy import CLASHES, POLICIES, KernelPolicy, word
from app.mm.policies.policy_text import SWITCH_VALUES, parse_policy
from app.mm.policies.switches import MEANINGS

__all__ = [
    "CLASHES",
    "MEANINGS",
    "POLICIES",
    "PRESETS",
    "SWITCH_VALUES",
    "WORKLOADS",
    "KernelPolicy",
    "parse_policy",
    "word",
]
