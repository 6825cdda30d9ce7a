"""Random lives of a guest kernel with a device, and what lies in the memory that its device says is unplugged."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.guest.random_stream import RandomStream
from app.mm.census import count_kinds
from app.mm.hotplug_rules import OnlinePolicy
from app.mm.page import PageKind
from app.mm.zone import ZoneId
from app.units import MIB
from app.virtio_mem.device import Device
from app.virtio_mem.driver.driver import Driver, DriverState
from app.virtio_mem.protocol import ALL_FEATURES, DevicePort, Feature
from app.virtio_mem.region import EXTENT_X86
from tests.conformance.wire import WirePort
from tests.virtio_mem.board import TOY, Board, Machine, build

# Pages of these kinds nobody owns.
_UNOWNED = (PageKind.NONE, PageKind.OFFLINE)
_KINDS = (PageKind.ANON, PageKind.UNMOVABLE, PageKind.PINNED, PageKind.FILE_DIRTY)
_NR_ACTS = 60


def board_with(
    machine: Machine = TOY, *, features: Feature = ALL_FEATURES, extent: int = EXTENT_X86
) -> Board:
    """Returns a board whose device offers `features`, and whose driver sees it through bytes only."""
    board = build(machine)
    region = replace(board.device.region, extent=extent)
    return over_the_wire(board._replace(device=Device("vm0", region, features=features, sink=board.sink)))


def over_the_wire(board: Board) -> Board:
    """Returns the board with a driver that sees its device through dirty bytes only."""
    return with_driver_at(WirePort(board.device), board)


def with_driver_at(port: DevicePort, board: Board) -> Board:
    """Returns the board with a driver at `port`; the one before has no say any more."""
    board.driver.unload()
    return board._replace(driver=Driver(port, board.node, board.driver.options, sink=board.sink))


def unplugged_kinds(board: Board) -> NDArray[np.int64]:
    """Returns pages[kind] of all of the region's memory that is unplugged."""
    region, geometry = board.device.region, board.node.geometry
    first, nr_pageblocks = (
        region.addr // geometry.pageblock_size,
        region.region_size // geometry.pageblock_size,
    )
    pages = count_kinds(board.node, first, first + nr_pageblocks)
    per_block = region.block_size // geometry.pageblock_size
    is_plugged = np.zeros(region.nr_blocks, np.bool_)
    for start, end in board.device.plugged_runs():
        is_plugged[start:end] = True
    return np.asarray(pages[~np.repeat(is_plugged, per_block)].sum(axis=0))


def owned_pages(kinds: NDArray[np.int64]) -> int:
    """Returns how many of the pages are free, in use, or anything but absent and offline."""
    return int(kinds.sum() - sum(kinds[kind] for kind in _UNOWNED))


def live(board: Board, seed: int) -> Iterator[str]:
    """Yields after each act of a random life: resizes, allocations, pins, frees, blocks set on- and offline."""
    stream = RandomStream(seed)
    acts: tuple[Callable[[Board, list[int]], None], ...] = (
        _resize,
        _resize,
        _allocate,
        _put,
        _free,
        _by_hand,
    )
    for what, *numbers in stream.below(1 << 16, 4 * _NR_ACTS).reshape(_NR_ACTS, 4).tolist():
        act = acts[what % len(acts)]
        act(board, numbers)
        if board.driver.state is DriverState.WAITING_RETRY and what % 2:
            board.driver.fire_timer()
        yield act.__name__


def _resize(board: Board, numbers: list[int]) -> None:
    region = board.device.region
    board.device.set_requested_size(numbers[0] % (region.nr_blocks + 1) * region.block_size)
    board.driver.run()


def _allocate(board: Board, numbers: list[int]) -> None:
    kind = _KINDS[numbers[0] % len(_KINDS)]
    board.node.alloc_pages(kind, 0, 1 + numbers[1] % 200, owner=100 + numbers[2] % 8)


def _put(board: Board, numbers: list[int]) -> None:
    kind = _KINDS[numbers[0] % len(_KINDS)]
    board.node.alloc_at(board.pfn(numbers[1] % 512 * MIB // 8), 0, kind, owner=100 + numbers[2] % 8)


def _free(board: Board, numbers: list[int]) -> None:
    board.node.free_runs(board.node.owned_pfns(100 + numbers[0] % 8))


def _by_hand(board: Board, numbers: list[int]) -> None:
    memory_block = 8 + numbers[0] % 8
    if numbers[1] % 2:
        board.offline(memory_block)
    else:
        board.online(memory_block, ZoneId.MOVABLE if numbers[2] % 2 else ZoneId.NORMAL)
    board.node.hotplug_rules = type(board.node.hotplug_rules)(list(OnlinePolicy)[numbers[2] % 4])
    board.driver.run()
