"""Causes: which presets may break what, narrowly, and the document says the same."""

from dataclasses import replace

import pytest

from app.mm.checks.causes import CAUSES, excused_signs
from app.mm.checks.laws import LAWS, Sign
from app.mm.geometry import Geometry, preset
from app.mm.policies.policy import POLICIES, KernelPolicy
from app.mm.policies.policy_text import parse_policy
from tests.mm.law_tables import DOCUMENT, broken_laws, with_tables

X86 = preset("x86-64")
# One pageblock is a chunk: no free page is larger than a pageblock.
ARM64_64K = preset("arm64-64K")


def signs(
    policy: KernelPolicy | str, geometry: Geometry = X86, *, is_operating: bool = False
) -> frozenset[Sign]:
    """Returns the signs that a policy may leave."""
    policy = parse_policy(policy) if isinstance(policy, str) else policy
    return excused_signs(policy, geometry, is_operating=is_operating)


def test_document_holds_the_tables_of_the_code() -> None:
    """docs/invariants.md is written by `python -m tests.mm.law_tables`."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_tables(text) == text


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("no-guard", [4, 6, 8, 9, 10, 11, 12, 14, 15, 16]),
        ("rfc-v1", [4, 6, 8, 9, 11, 12, 14, 15, 16]),
        # Of CMA nothing: areas are whole chunks. INV-8, 9, 11 only after a race while pageblocks are given back.
        ("linux-5.15", [4, 6, 8, 9, 11, 12, 14]),
        ("linux-5.19", [4, 6, 8, 9, 11, 12, 14, 15, 16]),
        ("linux-6.10", [4, 6, 8, 9, 11, 12, 14]),
        ("linux-6.12", [12, 14]),
        ("linux-6.17", [12]),
        ("remedy-full", [12]),
    ],
)
def test_laws_that_a_preset_may_break_at_rest_are_these(name: str, numbers: list[int]) -> None:
    """On x86-64; INV-12 everywhere, as memory that goes offline leaves its reserve counted."""
    broken = broken_laws(name, geometry_name="x86-64", is_operating=False)
    assert broken == [f"INV-{number}" for number in numbers]


@pytest.mark.parametrize("name", ["linux-6.12", "linux-6.16", "linux-6.17", "remedy-full"])
def test_laws_between_sections_hold_from_6_12(name: str) -> None:
    """With clean lists, cut at once and freed by pageblocks, no race leaves anything; four to a chunk is 4.4's hole."""
    assert broken_laws(name, geometry_name="x86-64", is_operating=True) == []
    assert broken_laws(name, geometry_name="s390x", is_operating=True) == [
        "INV-4",
        "INV-8",
        "INV-9",
        "INV-10",
    ]


@pytest.mark.parametrize("name", POLICIES)
def test_signs_without_larger_free_pages_are_those_of_undo_and_reserve(name: str) -> None:
    """Nothing straddles and nothing merges across pageblocks where a chunk is one."""
    rest = {Sign.TYPE_LOST, Sign.RESERVE_HIGH, Sign.RESERVE_HIGH_HOTPLUG, Sign.RESERVE_ABOVE_LIMIT}
    assert signs(POLICIES[name], ARM64_64K, is_operating=True) <= rest


def test_signs_of_races_are_never_too_low_up_to_6_9() -> None:
    """I-9a: what a race leaves is counted twice, so NR_FREE too low is a failure; rfc-v1 alone loses count (S05)."""
    assert Sign.FREE_LOW in signs("rfc-v1", is_operating=True)
    for name in ("linux-5.15", "linux-5.19"):
        found = signs(name, is_operating=True)
        assert Sign.FREE_HIGH in found
        assert Sign.FREE_LOW not in found


def test_signs_of_cma_need_areas_that_share_a_chunk() -> None:
    """5.15 keeps CMA apart by alignment alone; forced to pageblocks it mixes, and its calls take the neighbour."""
    assert not {Sign.CMA, Sign.KERNEL_IN_CMA, Sign.AREA_GREW} & signs("linux-5.15")
    assert signs("linux-5.15+cma_align=pageblock,allow_unsafe=yes") >= {
        Sign.CMA,
        Sign.KERNEL_IN_CMA,
        Sign.AREA_LOST,
        Sign.AREA_GREW,
    }
    assert Sign.AREA_GREW not in signs("rfc-v1")


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("linux-6.12+steal_rule=move-then-decide,allow_unsafe=yes", Sign.FALLBACK_TYPES),
        ("linux-6.12+retype_on_merge=no,allow_unsafe=yes", Sign.FALLBACK_TYPES),
        ("linux-6.10", Sign.FALLBACK_TYPES),
        ("linux-6.12+edge_ignores_cma=yes", Sign.AREA_LOST),
        ("linux-6.17+undo_type=caller", Sign.TYPE_LOST),
        ("linux-6.12+highatomic_rule=reserved", Sign.HIGHATOMIC),
        ("linux-6.12+atomic_cut=no,allow_unsafe=yes", Sign.FREE_HIGH),
        ("linux-6.12+merge_rule=any,allow_unsafe=yes", Sign.FREE_LOW),
        ("linux-6.12+merge_rule=isolate-only,allow_unsafe=yes", Sign.AREA_GREW),
    ],
)
def test_signs_of_one_switch_come_with_it(text: str, sign: Sign) -> None:
    """Each cause hangs on its switches, not on the preset's name."""
    without = text.partition("+")[0]
    assert sign in signs(text)
    assert sign not in signs("linux-6.12" if without == "linux-6.10" else without)


def test_signs_of_head_retyping_need_four_pageblocks_to_a_chunk() -> None:
    """S30: with two, the first pageblock of the absorbed buddy is all of it."""
    policy = parse_policy("linux-6.12+retype_on_merge=head,allow_unsafe=yes")
    assert Sign.FALLBACK_TYPES in signs(policy, preset("s390x"))
    assert Sign.FALLBACK_TYPES not in signs(policy, X86)


def test_signs_of_names_are_none() -> None:
    """A preset renamed breaks what it broke."""
    for name, policy in POLICIES.items():
        assert signs(replace(policy, name="mine")) == signs(name)


def test_signs_belong_to_laws_and_come_from_causes() -> None:
    """No sign is idle: a law shows it and a cause leaves it, but for what no release does."""
    of_laws = frozenset[Sign]().union(*(law.signs for law in LAWS.values()))
    of_causes = frozenset[Sign]().union(*(cause.at_rest | cause.midway for cause in CAUSES))
    assert of_laws == of_causes == set(Sign) - {Sign.IMPOSSIBLE}


def test_causes_apply_to_some_preset_or_switch() -> None:
    """No cause is dead."""
    texts = [
        *POLICIES,
        "linux-5.15+cma_align=pageblock,allow_unsafe=yes",
        "linux-5.15+cma_align=pageblock,retype_on_merge=full,allow_unsafe=yes",
        "linux-5.19+edge_ignores_cma=yes",
        "linux-6.12+steal_rule=move-then-decide,allow_unsafe=yes",
        "linux-6.12+retype_on_merge=no,allow_unsafe=yes",
        "linux-6.12+retype_on_merge=head,allow_unsafe=yes",
    ]
    policies = [parse_policy(text) for text in texts]
    idle = [cause.rule for cause in CAUSES if not any(cause.applies(it, preset("s390x")) for it in policies)]
    assert idle == []
