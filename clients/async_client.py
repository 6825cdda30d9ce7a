"""The asyncio client of the REST API v1: `await AsyncClient(url).unplug("web", "vm0", 2 * GIB)`.

The same calls, answers and errors as clients.client, over the same core; only sending and sleeping differ.
Left out: other event loops than asyncio's.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from http import HTTPStatus
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

import httpx

from clients import (
    _calls,
    _driver_calls,
    _event_calls,
    _explain_calls,
    _fault_calls,
    _http,
    _power_calls,
    _time_calls,
    _workload_calls,
)
from clients._event_calls import EventReader
from clients._exchange import Call, Pause, Procedure, Reply, advance, as_method
from clients.errors import ClientError, Unintelligible
from clients.event_models import Event
from clients.time_models import Operation
from clients.wait import until_over

P = ParamSpec("P")
T = TypeVar("T")


def _sends(build: Callable[P, Call[T]]) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, T]]:
    """Returns a coroutine method that builds a call, sends it, and returns its answer."""

    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.send(build(*args, **kwargs))

    as_method(build, method)
    return method


def _carries_out(
    build: Callable[P, Call[Operation]],
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, Operation]]:
    """Returns a method that begins a resize, and waits until it is over or `wait` seconds have passed."""

    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> Operation:
        wait_s = cast("float | None", kwargs.get("wait"))
        return await self.run(until_over(build(*args, **kwargs), wait_s=wait_s))

    as_method(build, method)
    return method


def _streams(
    build: Callable[P, Call[tuple[Event, ...]]],
) -> Callable[Concatenate["AsyncClient", P], AsyncIterator[Event]]:
    """Returns a method that yields what an answer without end tells, as it comes."""

    def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Event]:
        return self.stream(build(*args, **kwargs))

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

    async def stream(self, call: Call[tuple[Event, ...]]) -> AsyncIterator[Event]:
        """Sends one call and yields the events of its answer as they come."""
        reader = EventReader()
        try:
            async for piece in self._pieces(call):
                for event in reader.feed(piece):
                    yield event
        except httpx.HTTPError as error:
            raise _http.unreachable(self.url, error) from error
        except ValueError as error:
            raise Unintelligible(self.url, str(error)) from error

    async def _pieces(self, call: Call[tuple[Event, ...]]) -> AsyncIterator[bytes]:
        """Yields the body of an answer as it comes; raises what a refusal stands for."""
        parts = _http.request_of(call)
        async with self._client.stream(
            parts.method, parts.url, params=parts.params, headers=parts.headers
        ) as response:
            if response.status_code != HTTPStatus.OK:
                call.answer(Reply(response.status_code, await response.aread(), self.url))
            async for piece in response.aiter_bytes():
                yield piece

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
    resize = _carries_out(_time_calls.resize)
    plug = _carries_out(_time_calls.plug)
    unplug = _carries_out(_time_calls.unplug)
    list_operations = _sends(_time_calls.list_operations)
    show_operation = _sends(_time_calls.show_operation)
    cancel_operation = _sends(_time_calls.cancel_operation)
    events = _sends(_event_calls.events)
    follow = _streams(_event_calls.follow)
    explain = _sends(_explain_calls.explain)
    explain_png = _sends(_explain_calls.explain_png)
    forecast = _sends(_explain_calls.forecast)
    fork = _sends(_explain_calls.fork)
    take_snapshot = _sends(_explain_calls.take_snapshot)
    list_snapshots = _sends(_explain_calls.list_snapshots)
    delete_snapshot = _sends(_explain_calls.delete_snapshot)
    restore = _sends(_explain_calls.restore)
    start_workload = _sends(_workload_calls.start_workload)
    show_workload = _sends(_workload_calls.show_workload)
    stop_workload = _sends(_workload_calls.stop_workload)
    metrics = _sends(_workload_calls.metrics)
    load_driver = _sends(_driver_calls.load_driver)
    unload_driver = _sends(_driver_calls.unload_driver)
    reboot = _sends(_power_calls.reboot)
    suspend = _sends(_power_calls.suspend)
    resume = _sends(_power_calls.resume)
    fault_kinds = _sends(_fault_calls.fault_kinds)
    add_fault = _sends(_fault_calls.add_fault)
    list_faults = _sends(_fault_calls.list_faults)
    show_fault = _sends(_fault_calls.show_fault)
    change_fault = _sends(_fault_calls.change_fault)
    remove_fault = _sends(_fault_calls.remove_fault)
    cost_profiles = _sends(_time_calls.cost_profiles)
    show_clocks = _sends(_time_calls.show_clocks)
    show_clock = _sends(_time_calls.show_clock)
    change_clock = _sends(_time_calls.change_clock)
    advance = _sends(_time_calls.advance)
    alloc_contig_range = _sends(_calls.alloc_contig_range)
    free_contig_range = _sends(_calls.free_contig_range)
    allocate = _sends(_calls.allocate)
    free_allocation = _sends(_calls.free_allocation)
    cma_areas = _sends(_calls.cma_areas)
    cma_alloc = _sends(_calls.cma_alloc)
    cma_release = _sends(_calls.cma_release)
    memory_blocks = _sends(_calls.memory_blocks)
    set_memory_block = _sends(_calls.set_memory_block)
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
