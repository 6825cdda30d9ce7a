"""A device that follows a script: busy for some UNPLUG requests, its target changed while it handles another.

Mirrors what a host does in the middle of a driver's work (semantics D-2, V-45, S34, S35, S37).
Left out: everything that a device does by itself (app.virtio_mem.device).
"""

from app.virtio_mem.device import Device
from app.virtio_mem.protocol import Request, RequestType, Response, ResponseType


class ScriptedDevice(Device):
    """A device with a host that acts while requests are under way; without a script it is an ordinary one."""

    # How many UNPLUG requests more are answered BUSY.
    _busy_unplugs = 0
    # How many requests more are handled before the host sets _next_size; 0: it does not.
    _requests_to_change = 0
    _next_size = 0

    def script(self, *, busy: int, change: tuple[int, int] | None) -> None:
        """Arms the script: `busy` UNPLUG requests get BUSY; in the n-th request from now the target is set.

        change: (n, size in bytes). Replaces what is left of an earlier script.
        """
        self._busy_unplugs = busy
        self.interference = self._answer_instead
        self._requests_to_change, self._next_size = change or (0, 0)

    def handle(self, request: Request) -> Response:
        """Answers one request; what the host does meanwhile, it does first."""
        if self._requests_to_change:
            self._requests_to_change -= 1
            if not self._requests_to_change:
                self.set_requested_size(self._next_size)
        return super().handle(request)

    def _answer_instead(self, request: Request) -> ResponseType | None:
        if not self._busy_unplugs or request.type is not RequestType.UNPLUG:
            return None
        self._busy_unplugs -= 1
        return ResponseType.BUSY
