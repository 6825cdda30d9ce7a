"""How far a device is: what somebody who waits looks at after every act."""

from app.guest.creation import create_guest
from app.guest.spec import DeviceSpec, GuestSpec

GIB = 2**30
MIB = 2**20


def test_progress_follows_the_driver_act_by_act() -> None:
    """The target at once, the size with each act, the end of the work item after its last act."""
    guest = create_guest(GuestSpec(name="web", boot_size=GIB, devices=(DeviceSpec(size=GIB),)))
    assert guest.progress("vm0")[1:6] == (0, 0, False, None, 0)
    guest.begin_resize("vm0", 512 * MIB)
    sizes = []
    while guest.progress("vm0").is_at_work:
        now = guest.progress("vm0")
        assert (now.requested_size, now.now_us) == (512 * MIB, guest.clock.now_us)
        sizes.append(now.size)
        guest.settle(max_acts=1)
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 3
    assert guest.progress("vm0").size == 512 * MIB
    assert guest.progress("vm0").last_result == "0"
