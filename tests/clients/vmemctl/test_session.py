"""One run of vmemctl: its device, its streams, its JSON."""

import pytest
import typer

from clients.models import Guest
from clients.vmemctl.session import json_of, make_console, only_device
from tests.clients import recorded


def guest_with(*ids: str) -> Guest:
    """Returns a guest that has devices of these ids."""
    devices = [{**recorded.DEVICE, "id": name} for name in ids]
    return Guest.model_validate({**recorded.GUEST, "devices": devices})


def test_the_only_device_need_not_be_named() -> None:
    """Most guests have one."""
    assert only_device(guest_with("vm0")).id == "vm0"


def test_one_of_several_devices_must_be_named() -> None:
    """The error tells which there are."""
    with pytest.raises(typer.BadParameter, match=r"vm0, vm1.*--device"):
        only_device(guest_with("vm0", "vm1"))


def test_a_guest_without_device_cannot_be_resized() -> None:
    """There is nothing to choose from."""
    with pytest.raises(typer.BadParameter, match="no virtio-mem device"):
        only_device(guest_with())


def test_json_of_an_answer_hides_nothing() -> None:
    """A member that this version does not know is printed as well; so is each of several answers."""
    guest = Guest.model_validate({**recorded.GUEST, "new": 1})
    assert json_of(guest) == {**recorded.GUEST, "new": 1}
    assert json_of([guest, guest]) == [{**recorded.GUEST, "new": 1}] * 2


def test_console_prints_a_name_with_brackets_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """A name is text, not markup; a pipe is not cut to a terminal's width."""
    make_console().print("[red]web[/red] :smile: " + "x" * 150)
    assert capsys.readouterr().out == "[red]web[/red] :smile: " + "x" * 150 + "\n"
