"""The catalog's models: what the service's own schemas say is understood, and newer answers are too."""

from clients.catalog_models import Policy, PolicyList, PresetList, Quantities
from tests.clients import recorded


def test_catalog_is_understood() -> None:
    """Policies with their switches, presets, and what follows from them."""
    listed = PolicyList.model_validate(recorded.POLICIES)
    assert [policy.name for policy in listed.policies] == ["linux-5.15", "linux-6.12"]
    assert listed.switches[0].values == ("old", "new")
    assert PresetList.model_validate(recorded.PRESETS).presets[0].max_order == 10
    assert Quantities.model_validate(recorded.QUANTITIES).big_block_size == 256 << 20


def test_switch_of_any_kind_keeps_its_value() -> None:
    """A switch that a newer service has may be a word, a number, a truth or a list."""
    switches = {"word": "x", "number": 5, "truth": True, "list": ["a"]}
    assert Policy.model_validate({"name": "linux-9", "switches": switches, "more": 1}).switches == switches


def test_older_service_has_no_switches() -> None:
    """What is not told is empty."""
    assert PolicyList.model_validate({"policies": []}).switches == ()
