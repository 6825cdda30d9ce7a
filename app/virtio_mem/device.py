"""The virtio-mem device: the host's book of which blocks the guest holds, and what it is asked to hold.

Mirrors hw/virtio/virtio-mem.c of QEMU 7.2 to 10 (semantics section 7) and virtio 1.3, 5.15.
Invariants kept here: INV-17; the checks run in the order of V-Q1.
Left out: backing memory and its discard, DMA; why a host is busy (`interference` says that it is).
"""

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy

from app.trace.events import RequestAnswered, RequestedSizeChanged
from app.trace.sink import NullSink, Sink
from app.virtio_mem.protocol import (
    ALL_FEATURES,
    BlocksState,
    DeviceConfig,
    Feature,
    Request,
    RequestType,
    Response,
    ResponseType,
    decode_request,
    encode_response,
)
from app.virtio_mem.region import DeviceRegion

_ACK = Response(ResponseType.ACK)
_NACK = Response(ResponseType.NACK)
_ERROR = Response(ResponseType.ERROR)
# What leads out of a device: a copy gets its own from whoever makes it.
_LINKS = ("_sink", "interference", "on_size_change")
_STATES = {state: Response(ResponseType.ACK, state) for state in BlocksState}
# Enum names are properties, too slow for every event.
_REQUEST_NAMES = [kind.name for kind in RequestType]
_RESPONSE_NAMES = [kind.name for kind in ResponseType]


class Device:
    """One device. Every act is O(blocks named); one byte a block, touched only where blocks are plugged."""

    def __init__(
        self,
        device_id: str,
        region: DeviceRegion,
        *,
        requested_size: int = 0,
        features: Feature = ALL_FEATURES,
        sink: Sink | None = None,
    ) -> None:
        """Starts with nothing plugged and no driver.

        features: what it offers; UNPLUGGED_INACCESSIBLE, when offered, is required (V-Q8).
        Raises InvalidValue when the region or the target breaks a law.
        """
        region.validate()
        region.validate_requested_size(requested_size)
        self.id = device_id
        self.region = region
        self.features = features
        # What the driver accepted; None while there is none.
        self.negotiated: Feature | None = None
        self.requested_size = requested_size
        self.usable_region_size = region.usable_size(requested_size)
        self.plugged_size = 0
        # Counts configuration notifications; a driver that has seen fewer has a stale view (D-2).
        self.generation = 0
        # Asked before a request that could be served is: another answer, or None to serve it (V-40, V-45, V-48).
        self.interference: Callable[[Request], ResponseType | None] | None = None
        # Told plugged_size after each change of it.
        self.on_size_change: Callable[[int], None] | None = None
        # Set by a request that is too short or unknown; only a reset helps (V-Q9).
        self.is_broken = False
        self._sink: Sink = NullSink() if sink is None else sink
        self._blocks = bytearray(region.nr_blocks)  # 1 = plugged
        self._answers = [[0] * len(ResponseType) for _ in RequestType]
        self._shift = region.block_size.bit_length() - 1

    # ------------------------------------------------------------------------------- what it tells

    @property
    def config(self) -> DeviceConfig:
        """The config space as the guest reads it."""
        region = self.region
        return DeviceConfig(
            block_size=region.block_size,
            node_id=region.node_id,
            addr=region.addr,
            region_size=region.region_size,
            usable_region_size=self.usable_region_size,
            plugged_size=self.plugged_size,
            requested_size=self.requested_size,
        )

    @property
    def answers(self) -> dict[tuple[str, str], int]:
        """How often each (request, response) pair happened; pairs that never did are absent."""
        return {
            (_REQUEST_NAMES[kind], _RESPONSE_NAMES[answer]): count
            for kind, row in enumerate(self._answers)
            for answer, count in enumerate(row)
            if count
        }

    def plugged_runs(self) -> Iterator[tuple[int, int]]:
        """Yields [first block, end block) of every run of plugged blocks, ascending."""
        blocks = self._blocks
        first = blocks.find(1)
        while first >= 0:
            end = blocks.find(0, first)
            end = len(blocks) if end < 0 else end
            yield first, end
            first = blocks.find(1, end)

    def count_plugged(self, first_block: int, end_block: int) -> int:
        """Returns how many of the blocks are plugged."""
        return self._blocks.count(1, first_block, end_block)

    # ---------------------------------------------------------------------------- the host's side

    def set_requested_size(self, requested_size: int, *, is_notified: bool = True) -> None:
        """Sets the target and notifies the guest, also when the value is unchanged (V-Q5).

        is_notified: False loses the notification, a fault. Raises InvalidValue, and changes nothing.
        """
        self.region.validate_requested_size(requested_size)
        self.requested_size = requested_size
        # V-10: the usable region grows at once and never shrinks here.
        self.usable_region_size = max(self.usable_region_size, self.region.usable_size(requested_size))
        self.generation += is_notified
        self._sink.emit(RequestedSizeChanged(self.id, requested_size))

    def system_reset(self) -> None:
        """Unplugs everything, as a reboot of the guest does; the target stays (V-35, V-Q7)."""
        self.reset()
        self._unplug_everything()
        self.generation += 1

    def adopt(self, plugged_runs: Iterable[tuple[int, int]], requested_size: int) -> None:
        """Takes over the state of a device that ran elsewhere: block runs [first, end) and its target.

        Raises InvalidValue for a target that breaks a law; runs must lie inside the region.
        """
        self.region.validate_requested_size(requested_size)
        blocks = bytearray(len(self._blocks))
        last_end = 0
        for first, end in plugged_runs:
            assert 0 <= first < end <= len(blocks), f"INV-17: blocks [{first}, {end}) outside the region"
            blocks[first:end] = b"\x01" * (end - first)
            last_end = max(last_end, end)
        self._blocks = blocks
        self.plugged_size = blocks.count(1) << self._shift
        self.requested_size = requested_size
        # The other host's usable region is not known; it held the blocks that it had plugged.
        self.usable_region_size = max(self.region.usable_size(requested_size), last_end << self._shift)
        self.generation += 1

    def fork(self, sink: Sink) -> "Device":
        """Returns an independent copy, which tells `sink` what it does; nobody interferes with it yet."""
        copy = Device(self.id, self.region, sink=sink)
        vars(copy).update({name: deepcopy(value) for name, value in vars(self).items() if name not in _LINKS})
        return copy

    # --------------------------------------------------------------------------- the guest's side

    def negotiate(self, accepted: Feature) -> bool:
        """Takes what a driver accepts; False: not offered, or a feature is missing that is required (V-16, V-Q8)."""
        is_offered = accepted & ~self.features == 0
        is_missing = Feature.UNPLUGGED_INACCESSIBLE in self.features & ~accepted
        self.negotiated = accepted if is_offered and not is_missing else None
        return self.negotiated is not None

    def reset(self) -> None:
        """Forgets the driver, as each reset of the device does; blocks and their memory stay (V-17)."""
        self.negotiated = None
        self.is_broken = False

    def receive(self, data: bytes) -> bytes | None:
        """Answers the bytes of one request; None when the device is broken by it, or was (V-Q9)."""
        request = None if self.is_broken else decode_request(data)
        if request is None:
            self.is_broken = True
            return None
        return encode_response(self.handle(request))

    def handle(self, request: Request) -> Response:
        """Answers one request, counts the answer and tells the sink."""
        kind, addr, nb_blocks = request
        if kind is RequestType.UNPLUG:
            response = self.process_unplug(addr, nb_blocks)
        elif kind is RequestType.PLUG:
            response = self.process_plug(addr, nb_blocks)
        elif kind is RequestType.STATE:
            response = self.process_state(addr, nb_blocks)
        else:
            addr = nb_blocks = 0  # V-47: what stands there means nothing
            response = self.process_unplug_all()
        answer = response.type
        self._answers[kind][answer] += 1
        self._sink.emit(
            RequestAnswered(self.id, _REQUEST_NAMES[kind], addr, nb_blocks, _RESPONSE_NAMES[answer])
        )
        return response

    def process_plug(self, addr: int, nb_blocks: int) -> Response:
        """Plugs the blocks, or says why not, in the order of V-Q1."""
        first = self._first_block(addr, nb_blocks)
        if first < 0:
            return _ERROR  # V-38
        end = first + nb_blocks
        size = nb_blocks << self._shift
        if self.plugged_size + size > self.requested_size:
            return _NACK  # all of it, even if a part would fit
        if self._blocks.find(1, first, end) >= 0:
            return _ERROR  # V-39
        refusal = self._refusal(RequestType.PLUG, addr, nb_blocks)
        if refusal is not None:
            return refusal  # V-40
        self._blocks[first:end] = b"\x01" * nb_blocks
        self._set_plugged_size(self.plugged_size + size)
        return _ACK  # V-41

    def process_unplug(self, addr: int, nb_blocks: int) -> Response:
        """Unplugs the blocks, or says why not; the target is no limit here (V-Q2)."""
        first = self._first_block(addr, nb_blocks)
        if first < 0:
            return _ERROR  # V-43
        end = first + nb_blocks
        if self._blocks.find(0, first, end) >= 0:
            return _ERROR  # V-44
        refusal = self._refusal(RequestType.UNPLUG, addr, nb_blocks)
        if refusal is not None:
            return refusal  # V-45
        self._blocks[first:end] = bytes(nb_blocks)
        self._set_plugged_size(self.plugged_size - (nb_blocks << self._shift))
        return _ACK  # V-46

    def process_unplug_all(self) -> Response:
        """Unplugs everything and shrinks the usable region; with nothing plugged it is never busy (V-Q4)."""
        refusal = self._refusal(RequestType.UNPLUG_ALL) if self.plugged_size else None
        if refusal is not None:
            return refusal  # V-48
        self._unplug_everything()
        return _ACK  # V-49; no notification (V-11)

    def process_state(self, addr: int, nb_blocks: int) -> Response:
        """Tells whether the blocks are plugged (V-52, V-53); never busy."""
        first = self._first_block(addr, nb_blocks)
        if first < 0:
            return _ERROR
        nr_plugged = self._blocks.count(1, first, first + nb_blocks)
        if nr_plugged == nb_blocks:
            return _STATES[BlocksState.PLUGGED]
        return _STATES[BlocksState.MIXED if nr_plugged else BlocksState.UNPLUGGED]

    # ------------------------------------------------------------------------------------ inside

    def _first_block(self, addr: int, nb_blocks: int) -> int:
        """Returns the first block named, or -1: misaligned, empty, or outside the usable region."""
        offset = addr - self.region.addr
        is_aligned = offset & (self.region.block_size - 1) == 0
        is_usable = offset >= 0 and offset + (nb_blocks << self._shift) <= self.usable_region_size
        return offset >> self._shift if is_aligned and is_usable and nb_blocks > 0 else -1

    def _refusal(self, kind: RequestType, addr: int = 0, nb_blocks: int = 0) -> Response | None:
        """Returns what a request gets instead of being served, although it could be; None: nothing."""
        if self.interference is None:
            return None
        answer = self.interference(Request(kind, addr, nb_blocks))
        return None if answer is None else Response(answer)

    def _set_plugged_size(self, plugged_size: int) -> None:
        self.plugged_size = plugged_size
        if self.on_size_change is not None:
            self.on_size_change(plugged_size)

    def _unplug_everything(self) -> None:
        if self.plugged_size:
            self._blocks = bytearray(len(self._blocks))
            self._set_plugged_size(0)
        # V-50: the only place where it shrinks; nothing is plugged, so nothing holds it open.
        self.usable_region_size = self.region.usable_size(self.requested_size)
