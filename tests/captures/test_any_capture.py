"""Any capture: whatever the flags and tables say, it becomes a sound guest or is refused, never anything else."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidValue
from app.guest.capture.guess import PerCpuAssumption
from app.guest.capture.loader import load_capture
from app.guest.capture.machine import CapturedMachine, validate_machine
from app.guest.capture.plan import CaptureOptions
from app.guest.capture.proc_text import CapturedMemoryBlock, CapturedZone, IomemRange
from app.guest.guest import Guest
from app.mm.policies.policy import POLICIES
from app.trace.sink import RingSink
from tests.captures import machines as m

NR_BLOCKS = 3
NR_PAGES = NR_BLOCKS * m.BLOCK
WORDS = [m.NOPAGE, m.BUDDY, m.UNMARKED, m.ANON, m.PIN, m.CLEAN, m.SHMEM, m.SLAB, m.PGTABLE, m.RESERVED]
WORDS += [m.OFFLINE, m.HEAD, m.TAIL, m.THP_HEAD, m.THP_TAIL, m.HUGETLB_HEAD, m.HUGETLB_TAIL]
NAMES = ["DMA", "DMA32", "Normal", "Normal", "Movable", "Device"]
FLAGS = st.one_of(st.sampled_from(WORDS), st.integers(0, (1 << 43) - 1))
# Edges that matter, and any other.
PFNS = st.one_of(
    st.integers(0, NR_PAGES),
    st.builds(lambda block: block * m.PAGEBLOCK, st.integers(0, NR_PAGES // m.PAGEBLOCK)),
)


@st.composite
def parts(draw: st.DrawFn) -> m.Part:
    """Draws a stretch of pages with equal flags."""
    start = draw(PFNS)
    length = draw(st.sampled_from([1, 3, 8, 511, 512, 1024, 5000, m.BLOCK]))
    return (start, min(start + length, NR_PAGES), draw(FLAGS))


@st.composite
def zones(draw: st.DrawFn) -> CapturedZone:
    """Draws a zone: anywhere, with some of its pages present, and some of those managed."""
    start, end = sorted((draw(PFNS), draw(PFNS)))
    present = draw(st.integers(0, end - start))
    name = draw(st.sampled_from(NAMES))
    return m.zone(
        name,
        start,
        end,
        node=draw(st.integers(0, 1)),
        present=present,
        managed=draw(st.integers(0, present)) if name != "Device" else 0,
        pcp_count=draw(st.sampled_from([0, 5, 600, 1 << 62])),
        protection=tuple(draw(st.lists(st.integers(0, 99999), max_size=5))),
        min=draw(st.sampled_from([0, 50, 1 << 40])),
    )


MEMORY_BLOCKS = st.builds(
    CapturedMemoryBlock,
    st.just(0),
    st.one_of(st.integers(0, NR_BLOCKS - 1), st.sampled_from([NR_BLOCKS, 9, 1 << 47])),
    st.sampled_from(["online", "online", "offline", "going-offline"]),
    st.sampled_from([(), ("Normal",), ("Movable",), ("DMA32",), ("Normal", "Movable"), ("Nowhere",)]),
    st.none(),
    st.none(),
)
BYTES = st.one_of(
    st.integers(0, NR_BLOCKS + 1).map(lambda block: block * m.BLOCK_SIZE),
    st.integers(0, 1 << 30),
    st.sampled_from([1 << 46, 1 << 62]),
)
IOMEM_NAMES = ["System RAM", "System RAM (virtio_mem)", "virtio0", "Kernel code", "Reserved"]


@st.composite
def iomem(draw: st.DrawFn) -> IomemRange:
    """Draws a range, at any depth."""
    start, end = sorted((draw(BYTES), draw(BYTES)))
    return IomemRange(start, end + 1, draw(st.sampled_from(IOMEM_NAMES)), draw(st.integers(0, 3)))


def numbered(blocks: Sequence[CapturedMemoryBlock]) -> tuple[CapturedMemoryBlock, ...]:
    """Returns memory blocks of which no two have one id."""
    return tuple(block._replace(id=number) for number, block in enumerate(blocks))


@st.composite
def machines(draw: st.DrawFn) -> CapturedMachine:
    """Draws a machine whose tables agree with its pages by chance only."""
    flags = m.paint(NR_PAGES, *draw(st.lists(parts(), max_size=12)), rest=draw(st.sampled_from(WORDS)))
    rows = draw(st.lists(zones(), min_size=1, max_size=4, unique_by=lambda zone: zone.key))
    counts = st.dictionaries(
        st.sampled_from(["Unmovable", "Movable", "Reclaimable", "CMA"]), st.integers(0, 300)
    )
    told: dict[str, object] = {
        "zones": tuple(rows),
        "buddyinfo": dict.fromkeys((row.key for row in rows), (0,) * 11),
        "pagetypeinfo": draw(
            st.one_of(st.none(), st.builds(m.types, st.fixed_dictionaries({"Normal": counts})))
        ),
    }
    if draw(st.booleans()):
        told["memory_blocks"] = numbered(
            draw(st.lists(MEMORY_BLOCKS, max_size=5, unique_by=lambda block: block.phys_index))
        )
    if draw(st.booleans()):
        told["iomem"] = tuple(draw(st.lists(iomem(), max_size=4)))
    else:
        told["iomem"] = (BOOT_MEMORY, *m.virtio(m.BLOCK_SIZE, 2 * m.BLOCK_SIZE, 2 * m.BLOCK_SIZE))
    return m.machine_of(flags, **told)


BOOT_MEMORY = IomemRange(0, m.BLOCK_SIZE, "System RAM", 0)
DEVICES = ["auto", "zone:Movable", "zone:Normal", "above:0", "above:8000000", "range:8000000-10000000"]


def loaded(machine: CapturedMachine, device: str, per_cpu: PerCpuAssumption, release: str) -> Guest | None:
    """Returns the guest, or None when the machine is refused."""
    options = CaptureOptions(name="any", device=device, per_cpu=per_cpu, policy=release)
    try:
        validate_machine(machine)
        return load_capture(machine, options, sink=RingSink(100))[0]
    except InvalidValue as error:
        if error.members["field"] in ("capture", "device"):
            return None
        raise


def has_shared_blocks(guest: Guest) -> bool:
    """Returns whether a memory block lies in two zones: a zone's span is shrunk by whole memory blocks."""
    per_block = guest.geometry.pageblocks_per_memory_block
    zones = guest.node.pageblock_zones().reshape(-1, per_block)
    return any(len({int(zone) for zone in row if zone >= 0}) > 1 for row in zones)


def failures(guest: Guest) -> list[object]:
    """Returns the broken laws that the policy's kernels do not break themselves."""
    return [row for row in guest.verify() if row["weight"] == "failure"]


@given(
    machines(),
    st.sampled_from(DEVICES),
    st.sampled_from(list(PerCpuAssumption)),
    st.sampled_from(list(POLICIES)),
)
@settings(max_examples=200)
def test_any_machine_is_a_sound_guest_or_refused(
    machine: CapturedMachine, device: str, per_cpu: PerCpuAssumption, release: str
) -> None:
    """Loaded, emptied and filled again, the guest keeps every law; loaded twice, it is the same."""
    guest = loaded(machine, device, per_cpu, release)
    if guest is None:
        return
    assert failures(guest) == []
    again = loaded(machine, device, per_cpu, release)
    assert again is not None
    assert again.digest() == guest.digest()
    assert guest.describe()["source"] == "capture"
    if has_shared_blocks(guest):
        return
    for row in list(guest._devices):  # noqa: SLF001 - what the guest keeps is what the test looks at
        guest.resize(row.device.id, 0)
        assert failures(guest) == []
        guest.resize(row.device.id, row.device.region.region_size)
        assert failures(guest) == []


@given(st.lists(parts(), max_size=12), st.sampled_from(WORDS))
@settings(max_examples=100)
def test_any_pages_of_a_sound_machine_are_loaded(painted: list[m.Part], rest: int) -> None:
    """Where the tables agree with each other, no flags at all are refused."""
    flags = m.paint(NR_PAGES, *painted, rest=rest)
    ranges = (BOOT_MEMORY, *m.virtio(m.BLOCK_SIZE, 2 * m.BLOCK_SIZE, 2 * m.BLOCK_SIZE))
    guest = loaded(m.machine_of(flags, iomem=ranges), "auto", PerCpuAssumption.AUTO, "linux-5.19")
    assert guest is not None
    assert guest.verify() == []
