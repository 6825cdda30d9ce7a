"""The asyncio client of the REST API v1: `await AsyncClient(url).unplug("web", "vm0", 2 * GIB)`.

The same calls, answers and errors as clients.client, over the same core; only sending and sleeping differ.
Left out: other event loops than asyncio's.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from clients import _calls, _http
from clients._exchange import Call, Pause, Procedure, Reply, advance, as_method
from clients.errors import ClientError

P = ParamSpec("P")
T = TypeVar("T")


def _sends(build: Callable[P, Call[T]]) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, T]]:
    """Returns a coroutine method that builds a call, sends it, and returns its answer."""

    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.send(build(*args, **kwargs))

    as_method(build, method)
    return method


class AsyncClient:
    """A connection to one service; an async context manager. Raises as clients.client.Client does."""

    def __init__(self, url: str = _http.DEFAULT_URL, *, timeout_s: float = _http.DEFAULT_TIMEOUT_S) -> None:
        """Connects lazily: that nothing listens shows at the first call. Raises Unsayable for no address."""
        self.url = _http.checked(url)
        timeout, headers = _http.settings(timeout_s)
        self._client = httpx.AsyncClient(
            base_url=self.url, timeout=timeout, headers=headers, mounts=dict.fromkeys(_http.DIRECT)
        )

    async def __aenter__(self) -> Self:
        """Returns itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the connections."""
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def send(self, call: Call[T]) -> T:
        """Sends one call and returns its answer."""
        parts = _http.request_of(call)
        try:
            response = await self._client.request(
                parts.method,
                parts.url,
                params=parts.params,
                headers=parts.headers,
                json=parts.json,
                content=None if call.upload is None else _off_the_loop(call.upload.chunks),
            )
        except httpx.HTTPError as error:
            raise _http.unreachable(self.url, error) from error
        return call.answer(Reply(response.status_code, response.content, self.url))

    async def run(self, procedure: Procedure[T]) -> T:
        """Runs a procedure of clients.wait to its end and returns its result."""
        step = advance(procedure, None)
        while isinstance(step, (Call, Pause)):
            step = advance(procedure, await self._perform(step))
        return step.result

    async def _perform(self, step: Call[Any] | Pause) -> object:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        try:
            return await self.send(step)
        except ClientError as error:
            return error

    healthz = _sends(_calls.healthz)
    readyz = _sends(_calls.readyz)
    version = _sends(_calls.version)
    policies = _sends(_calls.policies)
    switches = _sends(_calls.switches)
    show_policy = _sends(_calls.show_policy)
    presets = _sends(_calls.presets)
    quantities = _sends(_calls.quantities)
    list_guests = _sends(_calls.list_guests)
    create_guest = _sends(_calls.create_guest)
    import_guest = _sends(_calls.import_guest)
    show_guest = _sends(_calls.show_guest)
    delete_guest = _sends(_calls.delete_guest)
    show_device = _sends(_calls.show_device)
    resize = _sends(_calls.resize)
    plug = _sends(_calls.plug)
    unplug = _sends(_calls.unplug)
    advance = _sends(_calls.advance)
    alloc_contig_range = _sends(_calls.alloc_contig_range)
    free_contig_range = _sends(_calls.free_contig_range)
    allocate = _sends(_calls.allocate)
    free_allocation = _sends(_calls.free_allocation)
    cma_areas = _sends(_calls.cma_areas)
    cma_alloc = _sends(_calls.cma_alloc)
    cma_release = _sends(_calls.cma_release)
    memory_blocks = _sends(_calls.memory_blocks)
    pageblocks = _sends(_calls.pageblocks)
    proc = _sends(_calls.proc)
    map_png = _sends(_calls.map_png)
    verify = _sends(_calls.verify)
    compare = _sends(_calls.compare)
    compare_as = _sends(_calls.compare_as)
    compare_capture = _sends(_calls.compare_capture)
    compare_capture_as = _sends(_calls.compare_capture_as)
    list_scenarios = _sends(_calls.list_scenarios)
    show_scenario = _sends(_calls.show_scenario)
    run_scenario = _sends(_calls.run_scenario)
    run_scenario_file = _sends(_calls.run_scenario_file)


async def _off_the_loop(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yields the chunks; each is read in a thread, because a disk may be slow."""
    iterator = iter(chunks)
    while (chunk := await asyncio.to_thread(next, iterator, None)) is not None:
        yield chunk
