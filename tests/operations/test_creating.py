"""Making guests: what is wrong in a body is named as such, and nothing is left of a guest that could not be made."""

from dataclasses import replace

import pytest

from app.errors import InvalidValue, PageLimitReached, Unknown
from app.operations.creating import DeviceSpec, GuestSpec, as_invalid_value, create, read_workload
from app.operations.service import Service
from tests.operations.stage import play

SPEC = GuestSpec(name="", boot_size=2**29, devices=(DeviceSpec(size=2**30),))


@pytest.mark.parametrize("inline_us", [0, 10**9])
def test_create_in_a_thread_or_on_the_loop_is_the_same(inline_us: int) -> None:
    """The guest is under its name, whichever way it was made."""

    async def scene(service: Service) -> None:
        description = await create(service, SPEC)
        assert description["name"] == "guest-1"
        assert service.registry.entry("guest-1").describe() == description
        # A device of 1 GiB from 4 GiB on.
        assert service.registry.nr_pages == 5 * 2**18

    play(scene, inline_us=inline_us)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (replace(SPEC, policy="linux-2.4"), "policy"),
        (replace(SPEC, preset="vax"), "preset"),
        (replace(SPEC, boot_size=1), "boot_size"),
    ],
)
def test_create_of_what_cannot_be_leaves_nothing(spec: GuestSpec, field: str) -> None:
    """Unknown names in a body are wrong values, not unknown paths; no guest and no page is counted."""

    async def scene(service: Service) -> None:
        with pytest.raises(InvalidValue) as caught:
            await create(service, spec)
        assert caught.value.members["field"] == field
        assert (service.registry.entries(), service.registry.nr_pages) == ([], 0)

    play(scene)


def test_create_beyond_the_pages_makes_nothing() -> None:
    """The limit is checked before memory is touched."""

    async def scene(service: Service) -> None:
        with pytest.raises(PageLimitReached):
            await create(service, SPEC)
        assert service.registry.entries() == []

    play(scene, max_total_pages=5 * 2**18 - 1)


def test_read_workload_names_what_is_unknown() -> None:
    """A name that is no workload is a wrong value, with those that exist."""
    assert read_workload(None) == ()
    assert read_workload("busy")
    with pytest.raises(InvalidValue, match=r"one of .*busy"):
        read_workload("busier")


@pytest.mark.parametrize(
    ("known", "accepted"), [(["a", "b"], "one of a, b"), (["a, late", "b"], "one of a, late; b")]
)
def test_names_that_are_known_stay_apart(known: list[str], accepted: str) -> None:
    """Some have commas of their own."""
    assert as_invalid_value(Unknown("case", "c", known)).members["accepted"] == accepted


def test_names_beyond_those_that_are_listed_are_counted() -> None:
    """A caller sees that there are more."""
    accepted = as_invalid_value(Unknown("guest", "x", [f"g{number}" for number in range(70)])).members[
        "accepted"
    ]
    assert str(accepted).endswith("g62, g63 and 6 more")
