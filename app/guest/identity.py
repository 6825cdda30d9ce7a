"""What a guest was made of, as it is told to whoever asks."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class GuestIdentity:
    """What a guest was made of; `source`: "preset" or "capture"."""

    name: str
    preset: str
    policy: str
    fallback: tuple[str, ...]
    online: str
    seed: int
    boot_size: int
    source: str = "preset"
