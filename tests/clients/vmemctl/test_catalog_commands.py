"""`vmemctl policies` and `presets`, against a fake service."""

import json

from tests.clients import recorded
from tests.clients.conftest import Vmemctl
from tests.clients.fake_service import FakeService


def test_policies_and_presets_are_listed(vmemctl: Vmemctl, service: FakeService) -> None:
    """What `create` can be told."""
    service.answer("GET /v1/policies", recorded.POLICIES)
    service.answer("GET /v1/presets", recorded.PRESETS)
    assert "split_on_free" in vmemctl("policies").out
    assert "x86-64" in vmemctl("presets").out
    assert json.loads(vmemctl("presets", "--json").out) == recorded.PRESETS["presets"]


def test_policies_shows_all_switches_of_texts(vmemctl: Vmemctl, service: FakeService) -> None:
    """A text is asked for as it stands; one that the service does not know is told in its words."""
    service.answer("GET /v1/policies/linux-5.15%2Bcma_lock%3Dnone", recorded.POLICIES["policies"][0])
    ended = vmemctl("policies", "linux-5.15+cma_lock=none")
    assert "a:b" in ended.out
    assert "linux-6.12" not in ended.out
    assert vmemctl("policies", "linux-0").code != 0


def test_policies_explains_switches(vmemctl: Vmemctl, service: FakeService) -> None:
    """What each switch may be, and what it decides."""
    service.answer("GET /v1/policies", recorded.POLICIES)
    assert "Which free pages merge" in vmemctl("policies", "--switches").out
    assert json.loads(vmemctl("policies", "--switches", "--json").out) == [recorded.SWITCH]


def test_presets_with_a_name_shows_what_follows(vmemctl: Vmemctl, service: FakeService) -> None:
    """The quantities of a preset, for a policy and a device block."""
    service.answer("GET /v1/presets/x86-64/quantities", recorded.QUANTITIES)
    ended = vmemctl("presets", "x86-64", "--policy", "linux-5.15", "--block-size", "256MiB")
    assert "big-block" in ended.out
    assert service.received[0].query == (("policy", "linux-5.15"), ("block_size", "268435456"))
