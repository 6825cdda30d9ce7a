"""Explanations and forecasts as a terminal shows them: sentences that an operator can act on."""

from clients.explain_models import Explanation, Forecast, Snapshot
from clients.vmemctl.explain_tables import explanation_view, forecast_view, snapshot_table
from tests.clients import recorded_explain as answers
from tests.clients.vmemctl.terminal import shown


def view(**changes: object) -> str:
    """Returns the text of the recorded explanation with changes."""
    told = Explanation.model_validate({**answers.EXPLANATION, **changes})
    return shown(explanation_view(told), width=240)


def test_explanation_says_how_much_and_what_blocks_the_rest() -> None:
    """A headline, a line for each reason, what freeing it would release, pages, and the next retry."""
    text = view()
    assert "vm0 has 1 GiB; to reach 0 B, 1010 MiB could be taken back now, 14 MiB not" in text
    assert "dpdk (3, 4)" in text
    assert "1 s - 7 s" in text
    gain = "dpdk (3, 4): freeing these 3 pages of pinned between 0x119000 and 0x119400 would release 4 MiB"
    assert f"{gain}; all of them 6 MiB" in text
    assert "about 5 MiB more free memory" in text
    assert "more pages: --cursor 2" in text
    assert "the driver tries again in 40 s simulated, then after 100 s" in text


def test_explanation_of_nothing_to_take() -> None:
    """A device that is at its target has nothing to explain."""
    text = view(above_target=0, groups=[], pages=[], retry=None, next_cursor=None)
    assert "nothing to take back" in text
    assert text.count("\n") == 1


def test_explanation_tells_what_has_to_go_first() -> None:
    """A driver that is broken, and a rest that is too small."""
    hindrance = {"what": "driver_broken", "text": "the driver is broken", "remedy": "reload the driver"}
    text = view(hindrances=[hindrance], rest=2**20)
    assert "the driver is broken; reload the driver. What follows is as if that was done." in text
    assert "1 MiB are less than what the driver gives back at once (2 MiB)" in text


def test_one_page_is_one_page() -> None:
    """A gain of a single page reads as such."""
    first = answers.EXPLANATION["groups"][0]
    gain = {"start_pfn": 0, "end_pfn": 512, "bytes": 2**21, "obstacle_pages": 1}
    assert "freeing this 1 page of pinned" in view(groups=[{**first, "largest_gain": gain}])


def test_forecast_says_what_would_become_of_it() -> None:
    """Sizes, time, levels, retries, and how far one could go."""
    text = shown(forecast_view(Forecast.model_validate(answers.FORECAST)))
    assert "vm0 would shrink from 1 GiB to 514 MiB, asked for 512 MiB, in 33 ms simulated" in text
    assert "retry at 50 s" in text
    assert "14 MiB: the rest is blocked" in text
    assert "80 MiB are free there, and reclaim begins below 79 MiB" in text
    assert "2 GiB: no room for the memmap of more" in text
    grown = {**answers.FORECAST, "requested_size": 2**31, "limits": None, "retries": []}
    text = shown(forecast_view(Forecast.model_validate(grown)))
    assert "would grow from" in text
    assert "floor" not in text


def test_snapshots_are_listed() -> None:
    """One line each, or a sentence that says how to take one."""
    assert "before" in shown(snapshot_table([Snapshot.model_validate(answers.SNAPSHOT)]))
    assert "vmemctl snapshot" in shown(snapshot_table([]))
