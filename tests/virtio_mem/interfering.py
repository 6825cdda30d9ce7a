"""A host that interferes with requests that its device could serve: busy for so many of them."""

from app.virtio_mem.protocol import Request, ResponseType


class BusyHost:
    """Answers BUSY so many times, and lets the device serve what follows."""

    def __init__(self, left: int) -> None:
        """Starts with `left` answers to give."""
        self.left = left

    def __call__(self, request: Request) -> ResponseType | None:
        """Returns BUSY while some are left, whatever is asked."""
        del request
        if not self.left:
            return None
        self.left -= 1
        return ResponseType.BUSY
