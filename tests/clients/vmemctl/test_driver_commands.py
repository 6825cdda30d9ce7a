"""`vmemctl driver load` and `driver unload`, against a fake service."""

import json

import pytest

from tests.clients import recorded
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService

PATH = "POST /v1/guests/web/virtio-mem/vm0/driver"
DRIVER = {"state": "working", "retry_ms": 0, "ignored_parameters": ["bbm_safe_unplug"]}
BIG = {**recorded.DEVICE, "mode": "bbm", "subblock_size": None, "big_block_size": 1 << 28, "driver": DRIVER}


def test_load_sends_the_parameters_and_shows_what_came_of_them(
    vmemctl: Vmemctl, service: FakeService
) -> None:
    """The mode, and parameters that changed nothing."""
    service.answer(f"{PATH}/load", BIG)
    out = vmemctl(
        "driver", "load", "web", "vm0", "force_bbm=yes", "bbm_block_size=256MiB", "unplug_online=0"
    ).out
    assert "big blocks of 256 MiB" in out
    assert "bbm_safe_unplug" in out
    assert json.loads(service.received[0].body) == {
        "force_bbm": True,
        "bbm_block_size": 1 << 28,
        "unplug_online": False,
    }


def test_unload_shows_the_device(vmemctl: Vmemctl, service: FakeService) -> None:
    """As it is then."""
    service.answer(f"{PATH}/unload", recorded.DEVICE)
    assert "sub-blocks of 2 MiB" in vmemctl("driver", "unload", "web", "vm0").out


@pytest.mark.parametrize("word", ["safe=yes", "force_bbm=maybe", "bbm_block_size=much"])
def test_wrong_parameter_is_a_usage_error(vmemctl: Vmemctl, word: str) -> None:
    """Nothing is sent."""
    assert vmemctl("driver", "load", "web", "vm0", word).code == 2
