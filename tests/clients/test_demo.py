"""The demonstration: what it says, what it starts, and that nothing is left running."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from clients import demo
from clients.client import Client
from clients.errors import ClientError
from clients.models import Guest, Outcome
from tests.clients import recorded


def plain_console() -> tuple[Console, io.StringIO]:
    """Returns a console that prints plainly, and what it printed."""
    text = io.StringIO()
    return Console(file=text, width=200, markup=False, highlight=False), text


def test_demo_takes_memory_of_the_shipped_guest_back(capsys: pytest.CaptureFixture[str]) -> None:
    """The whole main job, on the capture that the project ships: it ends well, and its service is gone."""
    assert demo.main([str(demo.SHIPPED)]) == 0
    printed = capsys.readouterr().out
    assert "policy linux-5.19" in printed
    assert "what blocks the rest" in printed
    # 68 MiB stay, as in the recorded guest: 152 + 152 + 152 + 88 of 612 MiB came.
    last_row = next(line.split() for line in printed.splitlines() if line.split()[:2] == ["156", "MiB"])
    assert last_row[2:4] == ["88", "MiB"]
    assert "0 broken invariants" in printed
    url = printed.split("ready at ")[1].split()[0]
    with Client(url) as client, pytest.raises(ClientError):
        client.healthz()


def test_demo_with_a_file_that_is_none_fails_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong argument ends with status 1 and the file's name, after the service was stopped."""
    assert demo.main([str(tmp_path / "missing.vmem")]) == 1
    assert "missing.vmem" in capsys.readouterr().out


def test_choose_capture_falls_back_to_the_shipped_one(tmp_path: Path) -> None:
    """Where the machine's own pages may not be read, a real guest is taken, and the demo says so."""
    console, text = plain_console()
    assert demo.choose_capture(console, tmp_path, ["--root", str(tmp_path)]) == demo.SHIPPED
    assert demo.SHIPPED.name in text.getvalue()


def test_largest_device_is_the_one_with_most_memory() -> None:
    """A host without virtio-mem becomes several devices; without any there is none."""
    guest = Guest.model_validate(recorded.GUEST)
    small = guest.devices[0].model_copy(update={"id": "vm1", "size": 1})
    both = guest.model_copy(update={"devices": (small, *guest.devices)})
    assert demo.largest_device(both) == guest.devices[0]
    assert demo.largest_device(guest.model_copy(update={"devices": ()})) is None


def test_blocked_by_names_the_largest_reasons() -> None:
    """Bytes, kind of page and result, in words."""
    assert demo.blocked_by(Outcome.model_validate(recorded.OUTCOME)) == ["2 MiB by unmovable (EBUSY)"]
    assert demo.blocked_by(Outcome.model_validate(recorded.DONE)) == []


def test_add_row_shows_dashes_for_levels_that_are_not_in_use() -> None:
    """A two-level driver has no chunk level."""
    outcome = Outcome.model_validate(recorded.OUTCOME)
    levels = {name: outcome.by_level[name] for name in ("memory_block", "pageblock")}
    table = Table(*(str(number) for number in range(7)))
    demo.add_row(table, 1 << 20, outcome.model_copy(update={"by_level": levels}))
    console, text = plain_console()
    console.print(table)
    assert "1 MiB" in text.getvalue()
    assert " - " in text.getvalue()
