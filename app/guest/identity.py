"""What a guest was made of, as it is told to whoever asks."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class GuestIdentity:
    """What a guest was made of; `source`: "preset" or "capture"; numa_nodes: boot memory of each, one when empty."""

    name: str
    preset: str
    policy: str
    fallback: tuple[str, ...]
    online: str
    seed: int
    boot_size: int
    numa_nodes: tuple[int, ...] = ()
    boot_reserved: int = 0
    boot_used: int = 0
    source: str = "preset"

    def describe(self) -> dict[str, object]:
        """Returns it JSON-ready, sizes in bytes."""
        numa_nodes = list(self.numa_nodes or (self.boot_size,))
        return asdict(self) | {"fallback": list(self.fallback), "numa_nodes": numa_nodes}
