"""The catalog: what can be asked for is listed, as JSON has it."""

import json

import pytest

from app.errors import InvalidValue, Unknown
from app.mm.geometry import PRESETS
from app.mm.policies.policy import POLICIES
from app.mm.policies.switches import MEANINGS
from app.operations import catalog
from app.units import MIB


def test_policies_list_every_switch() -> None:
    """Each policy has all switches."""
    listed = catalog.policies()
    assert [policy["name"] for policy in listed] == list(POLICIES)
    switches = [set(json.loads(json.dumps(policy["switches"]))) for policy in listed]
    assert all(names == switches[0] for names in switches)


def test_presets_list_every_geometry() -> None:
    """Each preset has its sizes."""
    listed = {preset["name"]: preset for preset in catalog.presets()}
    assert list(listed) == list(PRESETS)
    assert listed["x86-64"] == {
        "name": "x86-64",
        "page_size": 4096,
        "max_order": 10,
        "pageblock_order": 9,
        "section_size": 2**27,
        "memory_block_size": 2**27,
    }


def test_switches_list_values_and_meaning() -> None:
    """Every switch of a policy, the words that it may be given, and a sentence."""
    listed = {switch["name"]: switch for switch in catalog.switches()}
    assert list(listed) == list(catalog.policies()[0]["switches"])  # type: ignore[call-overload]  # a dict
    assert listed["merge_rule"]["values"] == ["any", "isolate-only", "fallback-types"]
    assert {name: switch["meaning"] for name, switch in listed.items()} == MEANINGS


def test_policy_of_a_text_has_its_canonical_name() -> None:
    """A text is a policy like those that are listed; a wrong one says why."""
    shown = catalog.policy("linux-5.19+sb_size=pageblock,atomic_cut=true")
    assert shown["name"] == "linux-5.19+atomic_cut=yes"
    with pytest.raises(Unknown):
        catalog.policy("linux-0")
    with pytest.raises(InvalidValue):
        catalog.policy("linux-5.15+cma_align=pageblock")


def test_quantities_say_what_does_not_exist_by_where_it_stands() -> None:
    """A preset names what is asked for; a policy that nobody defined is a wrong value of the question."""
    assert catalog.quantities("x86-64", "linux-5.15", None)["subblock_size"] == 4 * MIB
    with pytest.raises(Unknown):
        catalog.quantities("vax", "linux-5.15", None)
    with pytest.raises(InvalidValue, match="policy is 'linux-0'"):
        catalog.quantities("x86-64", "linux-0", None)
