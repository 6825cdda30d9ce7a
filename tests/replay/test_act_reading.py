"""Acts from a file: each in its form, wrong ones refused with their line."""

import pytest

from app.errors import ScenarioInvalid
from app.guest.driver_module import ModuleParameters
from app.guest.faults.kinds import FaultKind
from app.replay.act_reading import ACTS, read_act, read_fault
from app.replay.script import Act, NamedFault
from app.units import MIB
from tests.replay.making import value_of


@pytest.mark.parametrize(
    ("word", "text", "members"),
    [
        ("resize", "{size: 2MiB}", {"size": 2 * MIB}),
        ("unplug", "{device: vm1, size: 2097152}", {"device": "vm1", "size": 2 * MIB}),
        ("settle", "yes", {}),
        ("remove_fault", "busy", {"name": "busy"}),
        (
            "change_fault",
            "{name: busy, count: null, skip: 2}",
            {"name": "busy", "changes": {"count": None, "skip": 2}},
        ),
        ("reboot", "kexec", {"kind": "kexec"}),
        ("free", "{label: heap, fraction: 0.5, seed: 3}", {"label": "heap", "fraction": 0.5, "seed": 3}),
        ("pin", "{label: heap}", {"label": "heap", "fraction": 1.0, "seed": 0}),
        (
            "allocate",
            "{label: slab, kind: unmovable, order: 1, at_pfns: [4, 8]}",
            {"label": "slab", "kind": "unmovable", "is_highatomic": False, "order": 1, "at_pfns": (4, 8)},
        ),
        ("memory_block", "{id: 33, state: offline}", {"id": 33, "state": "offline"}),
        ("unload_driver", "{}", {}),
        (
            "load_driver",
            "{device: vm0, unplug_online: no}",
            {"device": "vm0", "parameters": ModuleParameters(unplug_online=False)},
        ),
    ],
)
def test_act_is_read_in_its_form(word: str, text: str, members: dict[str, object]) -> None:
    """With units, defaults, and a device only where one is named."""
    assert read_act(word, value_of(text)) == Act(word, members)


def test_fault_is_read_with_its_name() -> None:
    """As an act it has its name among its members; its rule is one that HTTP would take."""
    act = read_act("fault", value_of("{name: busy, kind: device_busy, count: 2}"))
    fault = act.members["fault"]
    assert isinstance(fault, NamedFault)
    assert (fault.name, fault.spec.kind, fault.spec.count) == ("busy", FaultKind.DEVICE_BUSY, 2)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("resize", "2MiB"),
        ("resize", "{}"),
        ("resize", "{size: big}"),
        ("resize", "{size: 2MiB, node: 1}"),
        ("settle", "no"),
        ("fault", "{kind: device_busy}"),
        ("fault", "{name: x, kind: meteor}"),
        ("reboot", "gently"),
        ("memory_block", "{id: -1, state: offline}"),
        ("memory_block", "{id: 1, state: away}"),
        ("allocate", "{label: x, kind: anon}"),
        ("allocate", "{label: x, kind: anon, size: 4KiB, nr_pages: 1}"),
        ("allocate", "{label: x, kind: anon, nr_pages: 0}"),
        ("allocate", "{kind: anon, nr_pages: 1}"),
        ("free", "{label: x, fraction: 2}"),
        ("free", "{label: x, fraction: half}"),
        ("pin", "{}"),
    ],
)
def test_wrong_act_is_refused_with_its_line(word: str, text: str) -> None:
    """Each says where it stands, and what would do."""
    with pytest.raises(ScenarioInvalid, match="test, line 1") as caught:
        read_act(word, value_of(text))
    assert caught.value.members["accepted"]


def test_error_inside_a_fault_is_placed_at_its_member() -> None:
    """The line of the wrong value, not of the rule."""
    value = (
        value_of("faults:\n  busy:\n    kind: device_busy\n    count: many\n")
        .require("faults")
        .require("busy")
    )
    with pytest.raises(ScenarioInvalid, match=r"test, line 4: faults\.busy\.count is 'many'"):
        read_fault("busy", value)


def test_each_word_has_a_reader() -> None:
    """An act without any members at all is refused in words, whatever its word."""
    for word in set(ACTS) - {"unload_driver", "load_driver"}:
        with pytest.raises(ScenarioInvalid):
            read_act(word, value_of("[]"))
