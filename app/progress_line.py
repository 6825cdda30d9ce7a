"""One line on standard error that says how far the kernels are, for those who have to wait for them."""

import threading
import time

import typer


class ProgressLine:
    """Says how far the kernels are, once that takes noticeably long: a warm start stays silent."""

    def __init__(self, silent_s: float = 2.5) -> None:
        """Says nothing during the first `silent_s` seconds."""
        self.where = ""
        self._silent_s = silent_s
        self._began = 0.0
        self._opening: threading.Timer | None = None

    def __call__(self, nr_done: int, nr_steps: int, where: str) -> None:
        """Takes note that `nr_done` of `nr_steps` are done; `where` kernels are kept."""
        self.where = where
        if self._opening is None:
            self._began = time.monotonic()
            # The first step is the longest: somebody who waits for it should know why.
            self._opening = threading.Timer(self._silent_s, self._open)
            self._opening.daemon = True
            self._opening.start()
        elif nr_done == nr_steps:
            self._opening.cancel()
        elapsed_s = time.monotonic() - self._began
        if elapsed_s >= self._silent_s:
            typer.echo(f"  {nr_done} of {nr_steps} steps after {elapsed_s:.0f} s", err=True)

    def _open(self) -> None:
        typer.echo(f"vmemsim makes its kernels ready, kept {self.where}", err=True)
