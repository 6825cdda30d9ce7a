"""capture.py: writes what the kernel said, on any Python and in little memory, or nothing at all."""

import ast
import io
import lzma
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.guest.capture.decoder import decode_capture
from app.guest.capture.machine import CapturedMachine
from clients import capture
from tests.guest.capture_files import REAL_CAPTURES, REAL_NAMES, Run, expand, write_tree

SCRIPT = Path(capture.__file__)
FLAGS, COUNTS = "proc/kpageflags", "proc/kpagecount"
MEMORY = "sys/devices/system/memory"
RUNS = [Run(512, 1 << 32, 0), Run(1, 0x5828, 2), Run(3000, 1 << 10, 0), Run(1, 0, 0), Run(1, 1 << 10, 0)]
IS_ROOT = os.geteuid() == 0
OLD_PYTHONS = ("python3.6", "python3.7", "python3.8", "python3.9", "python3.10")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the proc/ of a machine whose pages are RUNS."""
    write_tree(tmp_path / "root", RUNS)
    return tmp_path / "root"


def take(root: Path, *options: str) -> CapturedMachine:
    """Captures a folder and decodes the result."""
    output = root.parent / "out.vmem"
    assert capture.main(["--root", str(root), "-o", str(output), "--force", "--quiet", *options]) == 0
    with output.open("rb") as file:
        return decode_capture(file)


def run(*arguments: str, python: str = sys.executable) -> subprocess.CompletedProcess[bytes]:
    """Runs the script as a program of its own, as it is run on other machines."""
    return subprocess.run(
        [python, "-I", str(SCRIPT), *arguments], capture_output=True, check=False, timeout=60
    )


def assert_pages(machine: CapturedMachine, runs: Sequence[Run]) -> None:
    """Asserts that each page of the machine has the flags and the count that `runs` say."""
    flags, counts = expand(runs)
    assert machine.nr_pages == flags.size
    assert np.array_equal(machine.flags_of(0, machine.nr_pages), flags)
    assert np.array_equal(machine.counts_of(0, machine.nr_pages), np.minimum(counts, 65535))


@given(
    st.lists(
        st.builds(
            Run,
            st.integers(1, 700),
            st.sampled_from([0, 1 << 10, 1 << 63]),
            st.sampled_from([0, 1, 65535, 1 << 40]),
        ),
        min_size=1,
        max_size=20,
    ),
    st.lists(st.integers(1, 400), min_size=1, max_size=5),
    st.integers(1, 5),
    st.integers(1, 2000),
)
def test_coder_loses_no_page(runs: list[Run], sizes: list[int], nr_runs: int, longest: int) -> None:
    """Whatever the pages, the pieces that they come in, and where sections and runs have to end."""
    flags, counts = expand(runs)
    stream = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capture, "SECTION_NR_RUNS", nr_runs)
        patch.setattr(capture, "LONGEST_RUN", longest)
        writer = capture.Writer(stream)
        coder = capture.RunCoder(writer)
        start = 0
        while start < flags.size:
            end = start + sizes[start % len(sizes)]
            coder.feed(flags[start:end].tobytes(), counts[start:end].tobytes())
            start = end
        coder.finish()
    assert writer.nr_pages == flags.size
    rows = read_runs(stream.getvalue())
    assert max(length for length, _, _ in rows) < longest + max(sizes)
    written_flags, written_counts = expand(Run(*row) for row in rows)
    assert np.array_equal(written_flags, flags)
    assert np.array_equal(written_counts, np.minimum(counts, 65535))


def read_runs(data: bytes) -> list[tuple[int, int, int]]:
    """Returns the runs of a file, by the reader that docs/capture-format.md shows."""
    text = (SCRIPT.parents[1] / "docs" / "capture-format.md").read_text(encoding="utf-8")
    program = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert program is not None
    lines: list[str] = []
    scope = {"print": lambda *words: lines.append(str(words[0])), "open": lambda *_: io.BytesIO(data)}
    exec(compile(program.group(1).replace("sys.argv[1]", "''"), "reader", "exec"), scope)  # noqa: S102 - it is our own text
    numbers = [re.findall(r"0x[0-9a-f]+|\d+", line) for line in lines if line.startswith("pfn")]
    return [(int(length), int(flags, 16), int(count)) for _, length, flags, count in numbers]


@pytest.mark.parametrize("name", REAL_NAMES)
def test_reader_of_the_document_reads_real_guests(name: str) -> None:
    """The program that docs/capture-format.md shows gives the runs that the loader gives."""
    data = (REAL_CAPTURES / f"{name}.vmem").read_bytes()
    machine = decode_capture(io.BytesIO(data))
    rows = read_runs(data)
    assert [row[0] for row in rows] == machine.run_lengths().tolist()
    assert [row[1] for row in rows] == machine.run_flags.tolist()


def test_copied_tree_is_captured(root: Path) -> None:
    """Pages, page size and tables of the copied files are in the capture."""
    machine = take(root)
    assert_pages(machine, RUNS)
    assert machine.nr_runs == len(RUNS)
    assert machine.page_size == os.sysconf("SC_PAGE_SIZE")
    assert machine.kernel_release == "6.1.0-test"
    assert machine.zones[0].pcp_count == 12
    assert (machine.has_counts, machine.is_live, machine.capture_seconds) == (True, False, None)
    assert take(root, "--page-size", "65536").page_size == 65536


def test_packed_files_are_unpacked(root: Path) -> None:
    """A tree whose files are .xz gives the same capture as the plain one."""
    plain = take(root)
    for name in (FLAGS, COUNTS, "proc/zoneinfo"):
        content = (root / name).read_bytes()
        (root / f"{name}.xz").write_bytes(lzma.compress(content))
        (root / name).unlink()
    packed = take(root)
    assert_pages(packed, RUNS)
    assert packed.zones == plain.zones


@pytest.mark.parametrize("nr_counts", [0, 600, 4000])
def test_kpagecount_of_another_length_is_cut_or_filled(root: Path, nr_counts: int) -> None:
    """Pages that kpagecount leaves out are mapped by nobody; what it has beyond kpageflags is nobody's."""
    _, counts = expand(RUNS)
    counts = np.resize(counts, nr_counts)
    (root / COUNTS).write_bytes(counts.tobytes() + b"\1\2\3")
    machine = take(root)
    expected = np.zeros(machine.nr_pages, np.uint64)
    expected[:nr_counts] = counts[: machine.nr_pages]
    if nr_counts < machine.nr_pages:
        expected[nr_counts] = 0x030201  # the part of a word that stands at its end
    assert np.array_equal(machine.counts_of(0, machine.nr_pages), np.minimum(expected, 65535))


def test_machine_without_kpagecount_is_captured(root: Path) -> None:
    """The capture says that nobody knows the counts."""
    (root / COUNTS).unlink()
    machine = take(root)
    assert not machine.has_counts
    assert not machine.run_count.any()


def test_command_line_keeps_no_secret(root: Path) -> None:
    """Of the kernel's command line, only the words about memory are kept."""
    (root / "proc/cmdline").write_text(
        "token=hunter2 memhp_default_state=online_movable root=/dev/x hugepages=4 quiet\n"
    )
    assert take(root).cmdline == "memhp_default_state=online_movable hugepages=4"


def test_memory_blocks_are_listed(root: Path) -> None:
    """Each memory block of sysfs is there, by number, with its node, and without what sysfs lacks."""
    for name, state in (
        ("memory0", "online"),
        ("memory10", "offline"),
        ("memory9", "offline"),
        ("memory", "no"),
    ):
        folder = root / MEMORY / name
        (folder / "node3").mkdir(parents=True)
        (folder / "state").write_text(f"{state}\n")
        (folder / "phys_index").write_text(f"{int(name[6:] or 0):08x}\n")
        (folder / "valid_zones").write_text("Normal Movable\n")
    (root / MEMORY / "block_size_bytes").write_text("1000\n")
    machine = take(root)
    assert [(block.id, block.state) for block in machine.memory_blocks] == [
        (0, "online"),
        (9, "offline"),
        (10, "offline"),
    ]
    first = machine.memory_blocks[0]
    assert (first.node, first.valid_zones, first.removable) == (3, ("Normal", "Movable"), None)
    assert machine.memory_block_size == 4096


@pytest.mark.parametrize(
    ("missing", "status", "hint"),
    [
        (FLAGS, capture.EXIT_NO_FLAGS, "DIR is the folder"),
        ("proc/zoneinfo", capture.EXIT_FAILED, "cannot be read"),
    ],
)
def test_missing_file_is_named(
    root: Path, missing: str, status: int, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the file and what to do; no output is left."""
    (root / missing).unlink()
    output = root.parent / "out.vmem"
    assert capture.main(["--root", str(root), "-o", str(output)]) == status
    message = capsys.readouterr().err
    assert missing in message
    assert hint in message
    assert list(output.parent.iterdir()) == [root]


def test_empty_or_damaged_flags_are_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No pages, and an .xz that is none, each end the capture without a file."""
    output = root.parent / "out.vmem"
    (root / FLAGS).write_bytes(b"")
    assert capture.main(["--root", str(root), "-o", str(output)]) == capture.EXIT_NO_FLAGS
    (root / FLAGS).unlink()
    (root / f"{FLAGS}.xz").write_bytes(b"no xz")
    assert capture.main(["--root", str(root), "-o", str(output)], "vmemctl capture") == capture.EXIT_FAILED
    assert "vmemctl capture: " in capsys.readouterr().err
    assert list(output.parent.iterdir()) == [root]


def test_output_is_overwritten_only_by_force(root: Path) -> None:
    """A capture is a moment that does not come again: it is not lost by a repeated command."""
    output = root.parent / "out.vmem"
    output.write_text("precious")
    arguments = ["--root", str(root), "-q", "-o", str(output)]
    assert capture.main(arguments) == capture.EXIT_USAGE
    assert output.read_text() == "precious"
    assert capture.main([*arguments, "--force"]) == 0
    assert output.read_bytes().startswith(capture.MAGIC)
    assert stat.S_IMODE(output.stat().st_mode) == 0o600


def test_folder_that_does_not_exist_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong output folder is a message, not a traceback."""
    assert capture.main(["--root", str(root), "-o", str(root / "nowhere" / "x.vmem")]) == capture.EXIT_FAILED
    assert "nowhere" in capsys.readouterr().err


def test_pipe_and_standard_output_get_the_same_bytes(root: Path) -> None:
    """Standard output and a named pipe are written to; neither is replaced by a file."""
    output = root.parent / "out.vmem"
    take(root)
    piped = run("--root", str(root), "-o", "-")
    assert (piped.returncode, piped.stdout) == (0, output.read_bytes())
    fifo = root.parent / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(["cat", str(fifo)], stdout=subprocess.PIPE) as cat:
        assert run("--root", str(root), "-o", str(fifo)).returncode == 0
        assert cat.communicate(timeout=60)[0] == output.read_bytes()
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_summary_names_the_next_command(root: Path) -> None:
    """It tells what was written, and the command that loads it; quietly, nothing."""
    output = root.parent / "out.vmem"
    (root / "proc/iomem").write_text("00000000-00dbafff : System RAM\n")
    told = run("--root", str(root), "-o", str(output)).stderr.decode()
    assert "100 % of the page flags" in told
    assert "3515 page frames in 5 runs" in told
    assert f"Next: vmemctl create --from {output}" in told
    assert run("--root", str(root), "-o", str(output), "-f", "-q").stderr == b""


def test_interrupted_capture_leaves_nothing(root: Path) -> None:
    """Ctrl-C and SIGTERM take the half file away."""
    (root / FLAGS).unlink()
    os.mkfifo(root / FLAGS)  # opening it waits for a writer who never comes
    command = [sys.executable, str(SCRIPT), "--root", str(root), "-o", str(root.parent / "out.vmem")]
    for number in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            while not list(root.parent.glob(".capture-*")):
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(number)
            _, told = process.communicate(timeout=60)
        assert process.returncode == capture.EXIT_INTERRUPTED
        assert b"Interrupted" in told
        assert list(root.parent.iterdir()) == [root]


def test_large_machine_streams_in_little_memory(root: Path) -> None:
    """Flags and counts of 96 GiB are 384 MiB; reading them takes less than 100 MiB, interpreter and all."""
    nr_pages = 24 << 20
    for name in (FLAGS, COUNTS):
        os.truncate(root / name, nr_pages * 8)
    program = (
        "import re, sys; sys.path.insert(0, sys.argv[1]); import capture\n"
        "assert capture.main(sys.argv[2:]) == 0\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read()).group(1))\n"
    )
    options = ("--root", str(root), "-q", "-o", str(root.parent / "out.vmem"))
    command = [sys.executable, "-c", program, str(SCRIPT.parent), *options]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    assert int(done.stdout) < 100 << 10  # KiB
    with (root.parent / "out.vmem").open("rb") as file:
        assert decode_capture(file).nr_pages == nr_pages


def test_syntax_is_that_of_python_3_6() -> None:
    """The file must run where it is copied to."""
    assert ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 6)).body


@pytest.mark.parametrize("python", OLD_PYTHONS)
def test_old_pythons_write_the_same_file(root: Path, python: str) -> None:
    """Where an old Python is installed, it runs the file, without a warning."""
    take(root)
    if shutil.which(python) is None or subprocess.run([python, "-c", ""], check=False).returncode:
        pytest.skip(f"no {python} here")
    done = run("--root", str(root), "-q", "-o", "-", python=python)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == (root.parent / "out.vmem").read_bytes()


def test_help_tells_what_people_ask() -> None:
    """What it never holds, how to run it elsewhere, and what the exit statuses mean."""
    told = run("--help").stdout.decode()
    for part in ("never page contents", "ssh root@vm python3 -", "exit status:", "--root DIR"):
        assert part in told


@pytest.mark.skipif(not Path("/proc/sys/vm/min_free_kbytes").exists(), reason="no Linux")
def test_sysctl_files_of_a_live_machine_are_read() -> None:
    """The kernel refuses reads of 4 MiB there, so they are read in pieces."""
    content = capture.Source(None).text("proc/sys/vm/min_free_kbytes")
    assert content is not None
    assert content.strip().isdigit()


@pytest.mark.skipif(not Path("/proc/kpageflags").exists(), reason="the kernel tells nothing about its pages")
def test_live_machine_needs_root(tmp_path: Path) -> None:
    """Without root, the message says so."""
    program = (
        "import locale, os, sys; sys.path.insert(0, sys.argv[1]); import capture\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "sys.exit(capture.main(['-o', '-']))\n"
    )
    command = [sys.executable, "-c", program, str(SCRIPT.parent)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, cwd=tmp_path)
    assert done.returncode == capture.EXIT_NOT_ROOT
    assert b"run this as root" in done.stderr


@pytest.mark.skipif(not os.access("/proc/kpageflags", os.R_OK), reason="not root, or no kpageflags")
def test_live_machine_is_captured(tmp_path: Path) -> None:
    """The machine at hand is captured and decoded; the file belongs to whoever called sudo."""
    output = tmp_path / "live.vmem"
    environment = {**os.environ, "SUDO_UID": "12345"}
    command = [sys.executable, str(SCRIPT), "-q", "-o", str(output)]
    subprocess.run(command, check=True, timeout=600, env=environment)
    if IS_ROOT:
        assert output.stat().st_uid == 12345
    with output.open("rb") as file:
        machine = decode_capture(file)
    assert machine.is_live
    assert machine.capture_seconds is not None
    assert machine.buddyinfo_after is not None
    assert machine.kernel_release == os.uname().release
    assert machine.meminfo["MemTotal"] > 0
