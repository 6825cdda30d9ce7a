"""Scenarios through the clients against the real service: listed, run, changed, and run again."""

import pytest

from clients.client import Client
from clients.errors import Invalid, NotFound
from clients.specs import ScenarioSpec


def test_scenario_shows_what_the_thread_feared(client: Client) -> None:
    """S08: the thread's first patches count a pageblock too much, and later kernels do not."""
    run = client.run_scenario("S08", ScenarioSpec(policies=("rfc-v1", "linux-6.17")))
    assert run.agrees
    broken = {outcome.policy for outcome in run.outcomes for end in outcome.ends if "INV-8" in end.findings}
    assert broken == {"rfc-v1"}


def test_packaged_file_can_be_sent_back_and_changed(client: Client) -> None:
    """The text that is shown is a scenario; one that expects otherwise differs, which is a normal answer."""
    text = client.show_scenario("S14").file
    assert client.run_scenario_file(text).agrees
    changed = client.run_scenario_file(text.replace("nr_free: 5", "nr_free: 6"))
    assert not changed.agrees
    assert {difference.what for difference in changed.outcomes[0].differences} == {"nr_free"}


def test_wrong_scenario_is_refused_with_its_line(client: Client) -> None:
    """Line and column are members of the problem."""
    text = client.show_scenario("S14").file.replace("contig: [4, 8]", "contig: [8, 4]")
    with pytest.raises(Invalid) as refused:
        client.run_scenario_file(text)
    line = next(number for number, row in enumerate(text.splitlines(), start=1) if "contig" in row)
    assert refused.value.members["line"] == line
    with pytest.raises(NotFound):
        client.run_scenario("S99")


def test_scenarios_of_the_text_are_listed(client: Client) -> None:
    """All 39, each with the policies of which it says something."""
    listed = client.list_scenarios()
    assert [scenario.id for scenario in listed] == [f"S{number:02}" for number in range(1, 40)]
    assert all(scenario.policies for scenario in listed)
