"""Policies, switches and presets: what is listed can be asked for, and a wrong text says what would be accepted."""

import pytest

from app.api.schemas import catalog as schemas
from app.api.schemas.costs import CostProfiles
from app.units import MIB
from tests.api.caller import Caller


def test_policies_and_presets_are_listed(caller: Caller) -> None:
    """What is listed can be asked for: each policy and each preset makes a guest."""
    policies = schemas.Policies.model_validate(caller.get("/v1/policies").json(), strict=True).policies
    presets = schemas.Presets.model_validate(caller.get("/v1/presets").json(), strict=True).presets
    for policy in policies:
        guest = caller.make_guest(policy=policy.name)
        assert guest["fallback"] == policy.switches["fallback"]
    for preset in presets:
        caller.make_guest(preset=preset.name, devices=[])


def test_policy_shows_all_switches_of_a_text(caller: Caller) -> None:
    """The plus sign works in a path, and the name that comes back is the canonical one."""
    answer = caller.get("/v1/policies/linux-5.19+sb_size=pageblock,atomic_cut=true")
    shown = schemas.Policy.model_validate(answer.json(), strict=True)
    assert shown.name == "linux-5.19+atomic_cut=yes"
    assert shown.switches["atomic_cut"] is True
    assert caller.get(f"/v1/policies/{shown.name}").json() == answer.json()


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("linux-0", 404, "no policy is named 'linux-0'; known: no-guard"),
        ("linux-5.19+colour=red", 404, "no policy switch is named 'colour'; known: merge_rule"),
        ("linux-5.19+merge_rule=all", 422, "policy.merge_rule is 'all'; accepted: any, isolate-only"),
        (
            "linux-5.15+cma_align=pageblock",
            422,
            "policy.cma_align is 'pageblock'; accepted: chunk while merge_rule is isolate-only, or merge_rule",
        ),
        (
            "linux-5.15+undo_type=saved",
            422,
            "policy.undo_type is 'saved'; accepted: caller while isolate_store",
        ),
        ("x" * 1025, 422, "policy"),
    ],
)
def test_wrong_policy_text_names_switch_and_remedy(
    caller: Caller, text: str, status: int, words: str
) -> None:
    """A preset or switch that nobody defined, a value that is none, and switches that do not go together."""
    answer = caller.get(f"/v1/policies/{text}")
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(words)


def test_guest_is_made_with_a_policy_text(caller: Caller) -> None:
    """Single switches work where a policy is asked for; the guest tells the canonical text."""
    text = "linux-5.15+fallback=memory_block:chunk:pageblock,cma_lock=none"
    guest = caller.make_guest(policy=text)
    assert guest["policy"] == "linux-5.15+cma_lock=none,fallback=memory_block:chunk:pageblock"
    # The sub-block is a chunk there: a middle level of chunks would be the same as none.
    assert guest["fallback"] == ["memory_block", "chunk"]
    refused = caller.post("/v1/guests", {"boot_size": "512MiB", "policy": "linux-6.17+undo_type=any"})
    assert (refused.status_code, refused.json()["field"]) == (422, "policy.undo_type")


def test_quantities_follow_preset_and_policy(caller: Caller) -> None:
    """G-7 over HTTP; the default is the service's own policy."""
    path = "/v1/presets/ppc64-64K-radix/quantities"
    newer = schemas.Quantities.model_validate(caller.get(path).json(), strict=True)
    assert (newer.policy, newer.fadump_align, newer.mode) == ("linux-5.19", 2 * MIB, "sub-block")
    older = schemas.Quantities.model_validate(
        caller.get(f"{path}?policy=linux-5.15&block_size=512MiB").json(), strict=True
    )
    assert (older.fadump_align, older.mode, older.big_block_size) == (16 * MIB, "big-block", 512 * MIB)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("vax/quantities", 404, "no preset is named 'vax'; known: x86-64"),
        ("x86-64/quantities?policy=linux-0", 422, "policy is 'linux-0'; accepted: one of no-guard"),
        ("x86-64/quantities?policy=linux-5.15%2Bl1_order=x", 422, "policy.l1_order is 'x'; accepted: depth"),
        ("x86-64/quantities?block_size=3MiB", 422, "block_size is 3145728; accepted: a power of two"),
        ("x86-64/quantities?size=1", 422, "size"),
    ],
)
def test_wrong_question_for_quantities_is_answered_by_field(
    caller: Caller, path: str, status: int, words: str
) -> None:
    """Each part of the question that cannot be."""
    answer = caller.get(f"/v1/presets/{path}")
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(words)


def test_cost_profiles_are_listed_and_decide_how_long_acts_take(caller: Caller) -> None:
    """The same unplug takes longer where requests to the device do; the guest shows what differs."""
    listed = caller.get("/v1/cost-profiles").json()
    names = [row.name for row in CostProfiles.model_validate(listed, strict=True).cost_profiles]
    assert names == ["hyperalloc-2025", "hyperalloc-2025-vfio"]
    times = {}
    for name, cost in (("plain", {}), ("slow", {"device_request_ns": 10_000_000})):
        made = caller.make_guest(name=name, cost=cost)
        assert made["cost"] == {"profile": "hyperalloc-2025", **cost}
        path = f"/v1/guests/{name}/virtio-mem/vm0?wait=30"
        done = caller.call("PATCH", path, json={"requested_size": "512MiB"}).json()
        times[name] = done["ended_us"] - done["begun_us"]
    assert times["slow"] > times["plain"] + 39_000


@pytest.mark.parametrize(
    ("cost", "field"),
    [
        ({"profile": "fast"}, "cost.profile"),
        ({"profile": None}, "cost.profile"),
        ({"drain_ns": -1}, "cost.drain_ns"),
        ({"drain_ns": 1.5}, "cost.drain_ns"),
        ({"migrate_ns": [1]}, "cost.migrate_ns"),
        ({"speed": 1}, "cost.speed"),
        ("hyperalloc-2025", "cost"),
    ],
)
def test_cost_that_cannot_be_is_refused_by_name(caller: Caller, cost: object, field: str) -> None:
    """No guest is made."""
    answer = caller.post("/v1/guests", {"boot_size": "512MiB", "cost": cost})
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert caller.get("/v1/guests").json() == {"guests": []}
