"""A naive twin of the device: a set of plugged blocks, and the sentences of 7.2 and 7.3."""

from app.virtio_mem.protocol import BlocksState, Request, RequestType, Response, ResponseType
from app.virtio_mem.region import DeviceRegion


class NaiveDevice:
    """Decides every request from a set of block numbers."""

    def __init__(self, region: DeviceRegion) -> None:
        """Starts with nothing plugged and target 0."""
        self.region = region
        self.plugged: set[int] = set()
        self.requested_size = 0
        self.usable_size = 0
        self.busy_next = 0

    @property
    def plugged_size(self) -> int:
        """Bytes plugged."""
        return len(self.plugged) * self.region.block_size

    def set_requested_size(self, size: int) -> None:
        """Sets the target; usable memory only grows."""
        self.requested_size = size
        self.usable_size = max(self.usable_size, self._usable())

    def handle(self, request: Request) -> Response:
        """Answers as V-Q1 orders."""
        if request.type is RequestType.UNPLUG_ALL:
            return Response(self._unplug_all())
        named = self._named(request.addr, request.nb_blocks)
        if named is None:
            return Response(ResponseType.ERROR)
        if request.type is RequestType.STATE:
            return Response(ResponseType.ACK, self._state_of(named))
        return Response(self._change(request.type, named))

    def _usable(self) -> int:
        block = self.region.block_size
        wanted = -(-(self.requested_size + self.region.extent) // block) * block
        return min(wanted, self.region.region_size) if self.requested_size else 0

    def _named(self, addr: int, nb_blocks: int) -> set[int] | None:
        block = self.region.block_size
        first, rest = divmod(addr - self.region.addr, block)
        named = set(range(first, first + nb_blocks))
        usable = set(range(self.usable_size // block))
        return named if named and not rest and named <= usable else None

    def _state_of(self, named: set[int]) -> BlocksState:
        if named <= self.plugged:
            return BlocksState.PLUGGED
        return BlocksState.MIXED if named & self.plugged else BlocksState.UNPLUGGED

    def _change(self, kind: RequestType, named: set[int]) -> ResponseType:
        is_plug = kind is RequestType.PLUG
        size = len(named) * self.region.block_size
        if is_plug and self.plugged_size + size > self.requested_size:
            return ResponseType.NACK
        if (is_plug and named & self.plugged) or (not is_plug and named - self.plugged):
            return ResponseType.ERROR
        if self._is_busy():
            return ResponseType.BUSY
        self.plugged = self.plugged | named if is_plug else self.plugged - named
        return ResponseType.ACK

    def _unplug_all(self) -> ResponseType:
        if self.plugged and self._is_busy():
            return ResponseType.BUSY
        self.plugged = set()
        self.usable_size = self._usable()
        return ResponseType.ACK

    def _is_busy(self) -> bool:
        is_busy = self.busy_next > 0
        self.busy_next -= is_busy
        return is_busy
