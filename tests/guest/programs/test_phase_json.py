"""Scripts from JSON: what may be said is read, and every wrong value is refused by its place."""

import pytest

from app.errors import InvalidValue
from app.guest.programs.phase_json import LARGEST_NR_PHASES, describe_script, parse_script, validate_script
from app.guest.programs.phases import NS_PER_S, Do
from app.mm.geometry import preset
from app.mm.page import PageKind

GROW = {"do": "grow", "label": "web", "by": "2MiB", "seconds": 10}
HOLD = {"do": "hold", "seconds": 1}
SCRIPT = {
    "phases": [
        GROW,
        {"do": "grow", "label": "cache", "kind": "file", "to": 4096, "rate": "1MiB", "restart": True},
        {"do": "leak", "label": "slow", "kind": "slab", "order": 2, "rate": 4096, "background": True},
        {"do": "churn", "labels": ["web", "cache", "web"], "fraction": 0.02, "seconds": 2.5},
        {"do": "release", "label": "web", "fraction": 0.5, "seconds": 3},
        {"do": "release", "label": "web", "size": "1MiB"},
        HOLD,
    ],
    "repeat": True,
    "tick_ms": 250,
    "seed": 7,
}


def test_script_is_read_whole() -> None:
    """Every member has its meaning."""
    script = parse_script(SCRIPT)
    grow, cache, leak, churn, half, some, hold = script.phases
    assert (script.repeats, script.tick_ns, script.seed) == (True, NS_PER_S // 4, 7)
    assert (grow.do, grow.labels, grow.by, grow.duration_ns) == (Do.GROW, ("web",), 2 << 20, 10 * NS_PER_S)
    assert (cache.kind, cache.to, cache.rate, cache.restarts) == (PageKind.FILE_CLEAN, 4096, 1 << 20, True)
    assert (leak.kind, leak.order, leak.is_background) == (PageKind.UNMOVABLE, 2, True)
    assert (churn.labels, churn.millionths, churn.duration_ns) == (("web", "cache"), 20_000, 2_500_000_000)
    assert (half.millionths, half.by, some.by, some.duration_ns) == (500_000, None, 1 << 20, 0)
    assert hold.duration_ns == NS_PER_S


def test_description_reads_back_as_the_same() -> None:
    """What GET shows can be PUT again; a bare list is a script that plays once."""
    script = parse_script(SCRIPT)
    assert parse_script(describe_script(script)) == script
    assert parse_script([GROW]) == parse_script({"phases": [GROW]})


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("x", "phases"),
        ([], "phases"),
        ([HOLD] * (LARGEST_NR_PHASES + 1), "phases"),
        ({"phases": [HOLD], "loop": 1}, "loop"),
        ({"repeat": True}, "phases"),
        ({"phases": [HOLD], "repeat": 1}, "repeat"),
        ({"phases": [HOLD], "tick_ms": 0}, "tick_ms"),
        ({"phases": [HOLD], "seed": -1}, "seed"),
        ([7], "phases[0].do"),
        ([{"do": "shrink"}], "phases[0].do"),
        ([{**HOLD, "label": "x"}], "phases[0].label"),
        ([{"do": "hold"}], "phases[0].seconds"),
        ([{"do": "hold", "seconds": -1}], "phases[0].seconds"),
        ([{"do": "hold", "seconds": 1e9}], "phases[0].seconds"),
        ([{"do": "hold", "seconds": True}], "phases[0].seconds"),
        ([{"do": "grow", "by": 1, "seconds": 1}], "phases[0].label"),
        ([{**GROW, "to": 1}], "phases[0].by"),
        ([{"do": "grow", "label": "x", "seconds": 1}], "phases[0].by"),
        ([{**GROW, "rate": 1}], "phases[0].seconds"),
        ([{**GROW, "kind": "free"}], "phases[0].kind"),
        ([{**GROW, "by": -5}], "phases[0].by"),
        ([{"do": "leak", "label": "x", "rate": -1}], "phases[0].rate"),
        ([{"do": "leak", "label": "x"}], "phases[0].rate"),
        ([{"do": "leak", "label": "x", "rate": 1}, HOLD], "phases[0].seconds"),
        ({"phases": [{"do": "leak", "label": "x", "rate": 1}], "repeat": True}, "phases[0].seconds"),
        ({"phases": [{**GROW, "background": True}], "repeat": True}, "phases[0].background"),
        ([{"do": "churn", "labels": [], "fraction": 0.1}], "phases[0].labels"),
        ([{"do": "churn", "labels": ["a"], "fraction": 2}], "phases[0].fraction"),
        ([{"do": "release", "label": "a"}], "phases[0].size"),
    ],
)
def test_wrong_values_are_named(value: object, field: str) -> None:
    """Each is refused by its place: of an object in the whole body, of a list in the member `phases`."""
    with pytest.raises(InvalidValue) as caught:
        parse_script(value, field="" if isinstance(value, dict) else "phases")
    assert caught.value.members["field"] == field


def test_labels_and_orders_are_held_against_the_guest() -> None:
    """A label must exist, or be made by an earlier phase; a kind must have the order."""
    geometry = preset("x86-64")
    script = parse_script([GROW, {"do": "release", "label": "web", "fraction": 1}])
    validate_script(script, geometry, [])
    with pytest.raises(InvalidValue, match=r"phases\[0\].label is 'heap'; accepted: .*\(cache, web\)"):
        validate_script(
            parse_script([{"do": "release", "label": "heap", "fraction": 1}]), geometry, ["web", "cache"]
        )
    with pytest.raises(InvalidValue) as caught:
        validate_script(parse_script([{**GROW, "order": 10}]), geometry, [])
    assert caught.value.members["field"] == "phases[0].order"
