"""What one capture does not tell, deduced of it in turn: each step narrows what is left to guess for the next.

    never given to the buddy ──▶ devices ──▶ unplugged ──▶ memmaps ──▶ per-cpu pages ──▶ types of pageblocks

Left out: the rules themselves (app.guest.capture.guess).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.guest.capture.guess import (
    PageblockCensus,
    PerCpuAssumption,
    find_unplugged,
    guess_memmaps,
    guess_per_cpu,
    guess_types,
    guess_unmanaged,
)
from app.guest.capture.machine import CapturedMachine
from app.guest.capture.pages import Corrections
from app.guest.capture.plan import CapturedDevice
from app.guest.capture.report import LoadReport
from app.mm.geometry import Geometry
from app.mm.page import Migratetype
from app.mm.zone import ZONE_NAMES, ZoneId

# struct page of a 64-bit kernel.
_MEMMAP_BYTES_PER_PAGE = 64


class Deduction:
    """Knows the pageblocks of one capture, and ever more about them; notes in the report what it takes for true.

    zones: the zone of every pageblock, -1 where no memory is online.
    """

    def __init__(
        self,
        machine: CapturedMachine,
        geometry: Geometry,
        *,
        census: PageblockCensus,
        zones: NDArray[np.int8],
        report: LoadReport,
    ) -> None:
        """Finds what the buddy was never given: the census then counts it as reserved."""
        self._machine = machine
        self._geometry = geometry
        self._zones = zones
        self._report = report
        parts = [
            guess_unmanaged(
                census, zones == zone, sum(fact.managed for fact in machine.zones_named(ZONE_NAMES[zone]))
            )
            for zone in ZoneId
        ]
        self.unmanaged = np.concatenate(parts)
        report.nr_unmanaged = len(self.unmanaged) * census.pageblock_nr_pages
        unmarked, reserved = census.unmarked.copy(), census.reserved.copy()
        reserved[self.unmanaged], unmarked[self.unmanaged] = unmarked[self.unmanaged], 0
        self.census = replace(census, unmarked=unmarked, reserved=reserved)

    def find_unplugged(self, devices: Sequence[CapturedDevice]) -> NDArray[np.int64]:
        """Returns the pageblocks that the drivers of the devices hold offline."""
        geometry = self._geometry
        found = [
            find_unplugged(
                self.census,
                device.memory_blocks,
                per_memory_block=geometry.pageblocks_per_memory_block,
                per_subblock=device.unit_size // geometry.pageblock_size,
            )
            for device in devices
            if not device.is_big
        ]
        unplugged = np.concatenate([np.empty(0, np.int64), *found])
        nr_offline = int(self.census.offline[self._zones >= 0].sum())
        self._report.nr_balloon = nr_offline - len(unplugged) * geometry.pageblock_nr_pages
        return unplugged

    def guess_memmaps(self, devices: Sequence[CapturedDevice]) -> dict[int, list[int]]:
        """Returns memory block -> pageblocks of its memmap, where that can be told."""
        geometry, zones = self._geometry, self._zones
        size, per_block = geometry.memory_block_size, geometry.pageblocks_per_memory_block
        nr_pageblocks = geometry.memory_block_nr_pages * _MEMMAP_BYTES_PER_PAGE // geometry.pageblock_size
        if not nr_pageblocks:
            return {}
        found: dict[int, list[int]] = {}
        is_unmarked = self.census.unmarked == geometry.pageblock_nr_pages
        is_unmarked &= (zones >= 0) & (zones < ZoneId.MOVABLE)
        normal = np.flatnonzero(zones == ZoneId.NORMAL)
        for device in devices:
            first, end = device.region.addr // size, -(-device.region.end // size)
            # Then zone Normal begins with the memory blocks that were added at once, first of all.
            in_normal = bool(len(normal)) and int(normal[0]) >= first * per_block
            here = guess_memmaps(
                is_unmarked,
                device.memory_blocks,
                nr_pageblocks,
                region=(first * per_block, end * per_block),
                nr_early=max(device.unit_size // size, 1) if in_normal else len(device.memory_blocks),
            )
            for pageblocks in here.values():
                is_unmarked[pageblocks] = False
            found.update(here)
        self._report.nr_memmaps = sum(map(len, found.values()))
        return found

    def guess_per_cpu(self, assumption: PerCpuAssumption, memmaps: dict[int, list[int]]) -> NDArray[np.int64]:
        """Returns the pageblocks whose unmarked pages wait on per-cpu lists."""
        is_open = np.ones(len(self._zones), np.bool_)
        for pageblocks in memmaps.values():
            is_open[pageblocks] = False
        unmarked = self.census.unmarked
        found = []
        for zone in ZoneId:
            in_zone = self._zones == zone
            counted = sum(fact.pcp_count for fact in self._machine.zones_named(ZONE_NAMES[zone]))
            rule = assumption
            if zone is ZoneId.MOVABLE and rule is PerCpuAssumption.AUTO:
                # No kernel pages lie there (B-10); the lists may have grown a little since they were counted.
                is_all = int(unmarked[in_zone].sum()) <= counted + self._geometry.pageblock_nr_pages
                rule = PerCpuAssumption.ALL if is_all else rule
            blocks = guess_per_cpu(self.census, is_open & in_zone, counted, assumption=rule)
            self._report.add_per_cpu(zone, counted, int(unmarked[blocks].sum()))
            found.append(blocks)
        return np.concatenate(found)

    def guess_types(self, per_cpu: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Returns the type of every pageblock; per_cpu: those whose unmarked pages are free ones."""
        types = np.full(len(self._zones), Migratetype.MOVABLE, np.uint8)
        facts = self._machine.pagetypeinfo
        if facts is None:
            return types
        unmarked = self.census.unmarked.copy()
        unmarked[per_cpu] = 0
        census = replace(self.census, unmarked=unmarked)
        for zone in ZoneId:
            counts: Counter[str] = Counter()
            for key, row in facts.blocks.items():
                if key.name == ZONE_NAMES[zone]:
                    counts.update(row)
            self._report.nr_types_unplaced += guess_types(census, self._zones == zone, counts, types)
        return types

    def corrections(
        self,
        *,
        per_cpu: NDArray[np.int64],
        memmaps: dict[int, list[int]],
        unplugged: NDArray[np.int64],
    ) -> Corrections:
        """Returns all of it for the loading of pages."""
        pageblocks = sorted(pageblock for found in memmaps.values() for pageblock in found)
        return Corrections(per_cpu, np.array(pageblocks, np.int64), self.unmanaged, unplugged)
