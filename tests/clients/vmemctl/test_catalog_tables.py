"""Policies, switches, geometries and what follows from them as tables: what each of them must tell."""

from clients.catalog_models import PolicyList, PresetList, Quantities
from clients.vmemctl import catalog_tables as tables
from tests.clients import recorded
from tests.clients.vmemctl.terminal import shown


def test_policy_table_tells_what_each_kernel_changes() -> None:
    """One line for each, like a change log."""
    text = shown(tables.policy_table(PolicyList.model_validate(recorded.POLICIES).policies))
    (line,) = [line for line in text.splitlines() if "linux-6.12" in line]
    assert line.split() == ["linux-6.12", "merge_rule:", "new,", "split_on_free:", "yes"]


def test_value_table_sets_kernels_side_by_side() -> None:
    """A switch that one of them does not have is a dash."""
    text = shown(tables.value_table(PolicyList.model_validate(recorded.POLICIES).policies))
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    assert lines["merge_rule"] == ["old", "new"]
    assert lines["sizes"] == ["a:b", "-"]
    assert lines["split_on_free"] == ["-", "yes"]


def test_preset_table_shows_sizes_instead_of_orders() -> None:
    """Nobody has to raise 2 to a power."""
    text = shown(tables.preset_table(PresetList.model_validate(recorded.PRESETS).presets))
    for words in ("4 KiB", "2 MiB", "4 MiB", "128 MiB"):
        assert words in text


def test_switch_table_has_values_and_meaning() -> None:
    """What may be written, and what it does."""
    text = shown(tables.switch_table(PolicyList.model_validate(recorded.POLICIES).switches))
    (line,) = [line for line in text.splitlines() if "merge_rule" in line]
    assert line.split() == ["merge_rule", "old", "new", "Which", "free", "pages", "merge", "(B-5)."]


def test_quantities_table_shows_sizes_and_mode() -> None:
    """Sizes as people write them; what does not apply is a dash."""
    found = Quantities.model_validate(recorded.QUANTITIES)
    text = shown(tables.quantities_table(found))
    for words in ("x86-64, linux-5.15", "big-block", "256 MiB", "4 MiB", "10"):
        assert words in text
    smaller = found.model_copy(update={"mode": "sub-block", "big_block_size": None})
    (line,) = [line for line in shown(tables.quantities_table(smaller)).splitlines() if "big block" in line]
    assert line.split() == ["big", "block", "-"]
