"""A guest's sleep: what its drivers refuse, that it wakes with every block as it was, and reboots at any moment."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from app.errors import GuestCrashed, StateError
from app.guest.allocations import AllocationSpec
from app.guest.boot import RebootKind
from app.guest.guest import Guest
from app.guest.random_stream import RandomStream
from app.guest.sleep import SleepKind
from app.units import MIB
from app.virtio_mem.protocol import ALL_FEATURES, Feature
from tests.guest.making import toy_guest


def guest_with(size: int, features: Feature = ALL_FEATURES) -> Guest:
    """Returns a guest with `size` bytes plugged at a device that offers `features`."""
    guest = toy_guest()
    attached = guest.find_device("vm0")
    attached.device.features = features
    attached.device.reset()
    attached.device.negotiate(features)
    if size:
        guest.resize("vm0", size)
    return guest


@pytest.mark.parametrize(
    ("kind", "size", "features", "refusal"),
    [
        (SleepKind.S2IDLE, 16 * MIB, ALL_FEATURES & ~Feature.PERSISTENT_SUSPEND, ""),
        (SleepKind.S3, 16 * MIB, ALL_FEATURES, ""),
        (SleepKind.S3, 0, ALL_FEATURES & ~Feature.PERSISTENT_SUSPEND, ""),
        (SleepKind.S3, 16 * MIB, ALL_FEATURES & ~Feature.PERSISTENT_SUSPEND, "PERSISTENT_SUSPEND was not"),
        (SleepKind.HIBERNATE, 0, ALL_FEATURES, "would not be in the image"),
    ],
)
def test_driver_refuses_sleep_that_would_lose_memory(
    kind: SleepKind, size: int, features: Feature, refusal: str
) -> None:
    """D-15, V-29: deep sleep with plugged memory needs the feature; hibernation is never possible."""
    guest = guest_with(size, features)
    if not refusal:
        guest.sleep.begin(kind)
        assert guest.condition.is_asleep
        return
    before = guest.digest()
    with pytest.raises(StateError, match=f"the driver of vm0 refuses {kind}: .*{refusal}"):
        guest.sleep.begin(kind)
    assert guest.digest() == before


def test_guest_without_a_driver_may_hibernate() -> None:
    """Nobody refuses: the device is the driver's business."""
    guest = guest_with(0)
    guest.find_device("vm0").driver.unload()
    guest.sleep.begin(SleepKind.HIBERNATE)
    guest.sleep.end()
    assert guest.condition.is_running


@pytest.mark.parametrize("kind", [SleepKind.S2IDLE, SleepKind.S3])
def test_guest_sleeps_through_a_new_target_and_follows_it_awake(kind: SleepKind) -> None:
    """V-36: asleep it does nothing and loses nothing; awake it has every block, and goes for the target."""
    guest = guest_with(16 * MIB)
    device = guest.find_device("vm0").device
    guest.sleep.begin(kind)
    guest.begin_resize("vm0", 32 * MIB)
    guest.run_until(guest.clock.now_ns + 10**9)
    with pytest.raises(StateError, match=f"the guest sleeps \\({kind}\\) since"):
        guest.pages.allocate(AllocationSpec(kind="anon", nr_pages=1))
    assert (device.plugged_size, list(device.plugged_runs())) == (16 * MIB, [(0, 16)])
    guest.sleep.end()
    assert (list(device.plugged_runs()), device.negotiated) == ([(0, 16)], ALL_FEATURES)
    guest.settle()
    assert (device.plugged_size, guest.verify()) == (32 * MIB, [])


def test_only_a_sleeper_can_be_woken_and_only_a_runner_sleeps() -> None:
    """The dead do not sleep; a reboot wakes a sleeper as well."""
    guest = guest_with(0)
    with pytest.raises(StateError, match="the guest is running, it does not sleep"):
        guest.sleep.end()
    guest.sleep.begin(SleepKind.S3)
    with pytest.raises(StateError, match="the guest sleeps"):
        guest.sleep.begin(SleepKind.S3)
    guest.condition.crash("BUG")
    with pytest.raises(GuestCrashed):
        guest.sleep.begin(SleepKind.S3)


NR_ACTS = 40


def act(guest: Guest, what: int, size: int) -> None:
    """Does one of the things that a host or a program may do; one that is refused does nothing."""
    acts: tuple[Callable[[], object], ...] = (
        lambda: guest.begin_resize("vm0", size * MIB),
        lambda: guest.settle(max_acts=size),
        guest.settle,
        lambda: guest.reboot(list(RebootKind)[size % 2]),
        lambda: guest.sleep.begin(list(SleepKind)[size % 3]),
        guest.sleep.end,
        lambda: guest.pages.allocate(AllocationSpec(kind=("anon", "unmovable")[size % 2], nr_pages=size + 1)),
        lambda: guest.run_until(guest.clock.now_ns + size * 10**9),
        guest.condition.hang,
        guest.condition.go_on,
    )
    with suppress(StateError):
        acts[what % len(acts)]()


@pytest.mark.parametrize("seed", range(8))
def test_random_life_with_reboots_and_sleep_breaks_no_law(seed: int) -> None:
    """Whatever was under way: after each act device, driver and memory agree, and a copy has the same future."""
    guest = toy_guest(online=("online_kernel", "online_movable")[seed % 2])
    for what, size in RandomStream(seed).below(1 << 16, 2 * NR_ACTS).reshape(NR_ACTS, 2).tolist():
        act(guest, what, size % 65)
        assert guest.verify() == []
    copy = guest.fork()
    for life in (guest, copy):
        life.reboot(RebootKind.KEXEC)
        life.settle()
    assert guest.digest() == copy.digest()
