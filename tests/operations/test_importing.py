"""Importing: a capture becomes a guest; one that is broken, or does not fit, leaves nothing behind."""

import asyncio
import io

import pytest

from app.errors import InvalidValue, NameTaken, PageLimitReached
from app.operations.creating import GuestSpec, create
from app.operations.importing import CaptureOptions, import_capture
from app.operations.service import Service
from tests.guest.capture_files import Run, capture_file
from tests.operations.stage import play

# 128 MiB: free memory in chunks, and one reserved page at its start.
BUDDY, RESERVED = 1 << 10, 1 << 32
NR_PAGES = 32768
BUDDYINFO = f"Node 0, zone   Normal {'0 ' * 10} 31 \n"
CAPTURE = capture_file(
    [Run(1024, RESERVED, 0), Run(NR_PAGES - 1024, BUDDY, 0)], texts={"proc/buddyinfo": BUDDYINFO}
)


def test_import_makes_a_guest_and_a_report() -> None:
    """The guest is in the registry under the name asked for, its pages are counted."""

    async def scene(service: Service) -> None:
        guest, report = await import_capture(service, io.BytesIO(CAPTURE), CaptureOptions(name="web"))
        assert (guest["name"], guest["source"]) == ("web", "capture")
        assert report["kernel_release"] == "6.1.0-test"
        assert service.registry.entry("web").describe() == guest
        assert service.registry.nr_pages == service.registry.entry("web").guest.nr_pages

    play(scene)


@pytest.mark.parametrize(
    ("content", "options", "error", "word"),
    [
        (b"", CaptureOptions(name=""), InvalidValue, "capture"),
        (CAPTURE[:-10], CaptureOptions(name=""), InvalidValue, "capture"),
        (CAPTURE, CaptureOptions(name="taken"), NameTaken, "taken"),
        (CAPTURE, CaptureOptions(name="", policy="linux-2.4"), InvalidValue, "policy is"),
        (CAPTURE, CaptureOptions(name="", device="moon"), InvalidValue, "device"),
    ],
)
def test_import_of_what_cannot_be_leaves_nothing(
    content: bytes, options: CaptureOptions, error: type[Exception], word: str
) -> None:
    """Broken files and senseless options are refused; name and pages are given back."""

    async def scene(service: Service) -> None:
        await create(service, GuestSpec(name="taken", boot_size=2**27))
        nr_pages = service.registry.nr_pages
        with pytest.raises(error, match=word):
            await import_capture(service, io.BytesIO(content), options)
        assert [entry.name for entry in service.registry.entries()] == ["taken"]
        assert service.registry.nr_pages == nr_pages
        await import_capture(service, io.BytesIO(CAPTURE), CaptureOptions(name=""))

    play(scene)


def test_import_beyond_the_pages_is_refused() -> None:
    """The limit of all pages holds for captures as well."""

    async def scene(service: Service) -> None:
        with pytest.raises(PageLimitReached):
            await import_capture(service, io.BytesIO(CAPTURE), CaptureOptions(name=""))
        assert service.registry.entries() == []

    play(scene, max_total_pages=NR_PAGES - 1)


def test_imports_at_once_are_done_one_by_one() -> None:
    """Several captures at a time all become guests."""

    async def scene(service: Service) -> None:
        imports = (import_capture(service, io.BytesIO(CAPTURE), CaptureOptions(name="")) for _ in range(3))
        names = [str(guest["name"]) for guest, _ in await asyncio.gather(*imports)]
        assert sorted(names) == ["guest-1", "guest-2", "guest-3"]

    play(scene)
