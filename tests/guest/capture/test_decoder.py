"""Decoding captures: sound ones come out exactly, all others are refused, in bounded memory."""

import contextlib
import io
import tracemalloc
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidValue
from app.guest.capture.decoder import CaptureDecoder, CaptureLimits, decode_capture, decode_chunks
from tests.guest.capture_files import (
    PREAMBLE,
    REAL_CAPTURES,
    REAL_NAMES,
    Run,
    big_capture,
    capture_file,
    end_section,
    expand,
    head_section,
    runs_section,
    section,
    text_sections,
    texts_for,
)

SAMPLE = capture_file(
    [Run(512, 1 << 32, 0), Run(1, 0x5828, 2), Run(511, 1 << 10, 0)],
    texts={"proc/iomem": "00000000-003fffff : System RAM\n", "proc/meminfo": "MemTotal: 4096 kB\n"},
)


@given(
    st.lists(
        st.builds(Run, st.integers(1, 1 << 12), st.integers(0, (1 << 64) - 1), st.integers(0, 65535)),
        min_size=1,
        max_size=20,
    )
)
def test_runs_come_out_exactly(runs: Sequence[Run]) -> None:
    """Every page has its flags and count; neighbours that agree have become one run."""
    machine = decode_capture(io.BytesIO(capture_file(runs)))
    flags, counts = expand(runs)
    assert (machine.flags_of(0, machine.nr_pages) == flags).all()
    assert (machine.counts_of(0, machine.nr_pages) == counts).all()
    pairs = list(zip(machine.run_flags.tolist(), machine.run_count.tolist(), strict=True))
    assert all(one != other for one, other in pairwise(pairs))


def test_large_capture_comes_out_in_bounded_memory() -> None:
    """Runs of many sections are joined, at less than 40 bytes each and a fixed part."""
    chunks = list(big_capture(1 << 21, 200_000))
    tracemalloc.start()
    try:
        machine = decode_chunks(chunks)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (machine.nr_pages, machine.nr_runs) == (1 << 21, 200_000)
    assert peak < 40 * 200_000 + (8 << 20)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("proc/iomem", "0-0 : a\n" * (1 << 20)),
        ("proc/meminfo", "\n".join(f"a{number}: 1" for number in range(1 << 19))),
        ("proc/buddyinfo", "Node 0, zone Normal" + " 1" * (4 << 20)),
        ("proc/pagetypeinfo", "Page block order: 9\nNumber of blocks type " + "a " * (4 << 20)),
        ("sys/devices/system/memory", "memory0\t0\tonline\t" + "a " * (3 << 20)),
        ("proc/zoneinfo", "Node 0, zone A\n" + "  pages free 1\n" * (1 << 17)),
    ],
)
def test_text_bomb_is_refused_in_bounded_memory(name: str, text: str) -> None:
    """Text that packs to nothing, and would be a million words or records, is refused before it is."""
    data = capture_file([Run(1, 0, 0)], texts={name: text})
    tracemalloc.start()
    try:
        with pytest.raises(InvalidValue):
            decode_chunks([data])
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", REAL_NAMES)
def test_real_guest_arrives_in_pieces(name: str) -> None:
    """A recorded guest is the same machine when it arrives byte by byte."""
    data = (REAL_CAPTURES / f"{name}.vmem").read_bytes()
    decoder = CaptureDecoder()
    for start in range(0, len(data), 7):
        decoder.feed(data[start : start + 7])
    pieces, whole = decoder.finish(), decode_capture(io.BytesIO(data))
    assert (pieces.run_start == whole.run_start).all()
    assert (pieces.zones, pieces.memory_blocks, pieces.meminfo) == (
        whole.zones,
        whole.memory_blocks,
        whole.meminfo,
    )


def test_live_capture_tells_how_long_it_took() -> None:
    """Seconds, the second buddyinfo, and the other optional files are there when they were recorded."""
    body = PREAMBLE + head_section(source="live", has_counts=False)
    body += text_sections(
        {**texts_for(5), "proc/buddyinfo.after": "Node 0, zone Normal 9", "proc/vmstat": "a 1"}
    )
    body += runs_section([Run(5, 0, 0)])
    machine = decode_chunks([body, end_section(body, nr_pages=5, nr_runs=1, capture_seconds=1.5)])
    assert (machine.is_live, machine.has_counts, machine.capture_seconds) == (True, False, 1.5)
    assert machine.buddyinfo_after == {(0, "Normal"): (9,)}
    assert machine.vmstat == {"a": 1}
    assert (machine.pagetypeinfo, machine.memory_block_size, machine.iomem) == (None, None, ())


@pytest.mark.parametrize(
    ("head", "wrong"),
    [
        ({"page_size": 8192}, "pages of 8192 bytes"),
        ({"page_size": True}, "pages of True bytes"),
        ({"page_size": None}, "pages of None bytes"),
        ({"page_size": 10**400}, "pages of 1000"),
        ({"has_counts": 1}, "has_counts 1"),
        ({"source": "rumour"}, "source 'rumour'"),
    ],
)
def test_head_of_no_known_machine_is_refused(head: Mapping[str, object], wrong: str) -> None:
    """Page sizes that no machine has, and members of the wrong type, are quoted."""
    with pytest.raises(InvalidValue, match=wrong):
        decode_chunks([capture_file([Run(1, 0, 0)], head=head)])


@pytest.mark.parametrize(
    ("end", "wrong"),
    [
        ({"nr_pages": 2}, "nr_pages is 1, but 2"),
        ({"nr_runs": 3}, "nr_runs is 1, but 3"),
        ({"sha256": "0" * 64}, "sha256 is"),
        ({"capture_seconds": -1}, "capture_seconds is -1"),
        ({"capture_seconds": float("inf")}, "capture_seconds is inf"),
        ({"capture_seconds": "long"}, "capture_seconds is 'long'"),
    ],
)
def test_end_that_vouches_for_something_else_is_refused(end: Mapping[str, object], wrong: str) -> None:
    """Sums and digest must be those of the file."""
    body = PREAMBLE + head_section() + text_sections(texts_for(1)) + runs_section([Run(1, 0, 0)])
    with pytest.raises(InvalidValue, match=wrong):
        decode_chunks([body, end_section(body, **{"nr_pages": 1, "nr_runs": 1, **end})])


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (runs_section([Run(1, 0, 0)]), "HEAD section missing"),
        (head_section() + head_section(), "HEAD section missing or twice"),
        (section(b"HEAD", b"[]"), "HEAD is no JSON object"),
        (section(b"HEAD", b"[" * 4096), "HEAD is no JSON object"),
        (section(b"HEAD", b"\xff"), "HEAD is no JSON object"),
        (head_section() + section(b"RUNS", b""), "no whole number of runs"),
        (head_section() + section(b"RUNS", bytes(15)), "no whole number of runs"),
        (head_section() + section(b"RUNS", bytes(14)), "an empty run"),
        (head_section() + section(b"TEXT", b"no newline"), "a text without a name"),
        (head_section() + text_sections({"a": ""}) * 2, "a text without a name, or twice"),
    ],
)
def test_section_of_nonsense_is_refused(body: bytes, wrong: str) -> None:
    """The refusal comes as soon as the section has arrived."""
    with pytest.raises(InvalidValue, match=wrong):
        CaptureDecoder().feed(PREAMBLE + body)


@pytest.mark.parametrize("missing", texts_for(1))
def test_capture_without_a_needed_text_is_refused(missing: str) -> None:
    """zoneinfo, buddyinfo and version are missed by name."""
    body = PREAMBLE + head_section() + runs_section([Run(1, 0, 0)])
    body += text_sections({name: text for name, text in texts_for(1).items() if name != missing})
    with pytest.raises(InvalidValue, match=f"a file without {missing}"):
        decode_chunks([body, end_section(body, nr_pages=1, nr_runs=1)])


def test_capture_without_pages_is_refused() -> None:
    """A file without a RUNS section describes no memory."""
    with pytest.raises(InvalidValue, match="without pages"):
        decode_chunks([capture_file([])[: len(PREAMBLE)], *_without_runs()])


def _without_runs() -> list[bytes]:
    body = head_section() + text_sections(texts_for(1))
    return [body, end_section(PREAMBLE + body, nr_pages=0, nr_runs=0)]


@pytest.mark.parametrize(
    ("limits", "wrong"),
    [
        (CaptureLimits(max_runs=2), "more than 2 runs"),
        (CaptureLimits(max_nr_pages=1023), "more than 1023 pages"),
        (CaptureLimits(max_text_bytes=100), "more than 100 bytes of text"),
        (CaptureLimits(max_text_lines=9), "more than 9 lines of text"),
        (CaptureLimits(page_sizes=frozenset({65536})), "pages of 4096 bytes"),
    ],
)
def test_capture_beyond_a_limit_is_refused(limits: CaptureLimits, wrong: str) -> None:
    """Each limit is the caller's to set, and named when it is passed."""
    with pytest.raises(InvalidValue, match=wrong):
        decode_chunks([SAMPLE], limits)


@settings(max_examples=300)
@given(st.data())
def test_damaged_capture_raises_nothing_else(data: st.DataObject) -> None:
    """Bytes changed, cut out or put in anywhere make a refusal, or by a rare chance another sound capture."""
    start = data.draw(st.integers(0, len(SAMPLE)))
    end = data.draw(st.integers(start, min(len(SAMPLE), start + 8)))
    damaged = SAMPLE[:start] + data.draw(st.binary(max_size=8)) + SAMPLE[end:]
    with contextlib.suppress(InvalidValue):
        assert decode_chunks([damaged]).nr_pages == 1024


TEXT_PATHS = (*texts_for(1), "proc/iomem", "proc/pagetypeinfo", "proc/meminfo", "sys/devices/system/memory")


@settings(max_examples=300)
@given(
    st.dictionaries(st.sampled_from(TEXT_PATHS), st.text(max_size=60), max_size=3),
    st.dictionaries(
        st.sampled_from(["page_size", "has_counts", "source", "tool"]), st.none() | st.integers(), max_size=2
    ),
    st.lists(
        st.builds(Run, st.integers(1, (1 << 32) - 1), st.integers(0, 1 << 63), st.integers(0, 9)), max_size=4
    ),
)
def test_wellformed_nonsense_raises_nothing_else(
    texts: dict[str, str], head: dict[str, int | None], runs: list[Run]
) -> None:
    """A file whose checksums are right may still say anything at all."""
    with contextlib.suppress(InvalidValue):
        machine = decode_chunks([capture_file(runs or [Run(1, 0, 0)], texts=texts, head=head)])
        assert machine.nr_pages == (sum(run.nr_pages for run in runs) or 1)
