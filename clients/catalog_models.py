"""What the service offers to make guests of: kernel policies with their switches, geometries, and what follows.

Left out: guests and devices (clients.models).
"""

from collections.abc import Mapping

from pydantic import JsonValue

from clients.models import Answer


class Policy(Answer):
    """A kernel policy: the switches in which kernels differ."""

    name: str
    switches: Mapping[str, JsonValue] = {}


class Switch(Answer):
    """One point in which kernels differ: what it decides, and the words that a policy's text may give it."""

    name: str
    values: tuple[str, ...] = ()
    meaning: str = ""


class PolicyList(Answer):
    """The kernel policies that have a name, and all switches."""

    policies: tuple[Policy, ...]
    switches: tuple[Switch, ...] = ()


class Preset(Answer):
    """A geometry: sizes in bytes, orders in powers of two of pages."""

    name: str
    page_size: int
    max_order: int
    pageblock_order: int
    section_size: int
    memory_block_size: int


class PresetList(Answer):
    """The geometries that the service knows."""

    presets: tuple[Preset, ...]


class Quantities(Answer):
    """What follows from a geometry and a policy; sizes and alignments in bytes."""

    preset: str
    policy: str
    contig_align: int
    cma_align: int
    dma_contiguous_align: int
    fadump_align: int
    phys_contig_order: int
    device_block_size: int
    subblock_size: int
    mode: str
    big_block_size: int | None = None


class CostProfile(Answer):
    """What a guest's acts take of simulated time: nanoseconds for each unit; migrate_ns by order of a 4 KiB page."""

    name: str
    units: Mapping[str, int | tuple[int, ...]]


class CostProfileList(Answer):
    """All cost profiles."""

    cost_profiles: tuple[CostProfile, ...]
