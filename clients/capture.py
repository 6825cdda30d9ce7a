#!/usr/bin/env python3
"""Captures how a Linux machine's memory is used, into one small file that vmemsim loads as a guest.

One file, standard library only, Python 3.6 or newer: copy it to any machine and run it there as root.
It reads what the kernel says about each page (flags, how often mapped) and a dozen small tables beside it,
never the contents of a page. docs/capture-format.md describes the file that it writes.
"""

import argparse
import contextlib
import hashlib
import json
import os
import re
import signal
import stat
import struct
import sys
import tempfile
import time
import zlib
from array import array
from functools import partial
from itertools import compress
from operator import sub
from typing import BinaryIO, Dict, Iterator, List, Optional, Tuple, Type, cast

READ_ERRORS: Tuple[Type[Exception], ...] = (OSError, EOFError)
try:
    import lzma

    READ_ERRORS += (lzma.LZMAError,)
except ImportError:
    lzma = None  # type: ignore[assignment] # some small Pythons lack it, and only copied files may need it

TOOL = "capture.py 1.0"
FORMAT_VERSION = 1
MAGIC = b"\x89VMEM\r\n\x1a"
PAGE_SIZES = (4096, 16384, 65536)

WORD = 8  # bytes: kpageflags and kpagecount hold one native word a page
CHUNK_SIZE = 1 << 20  # bytes of each of the two that are read at a time
# Stretches of this many bytes (128 pages) without a change are passed over by one comparison. Shorter ones
# are not worth the call, and longer ones more often hold a change.
STRETCH_SIZE = 1024
SECTION_NR_RUNS = 1 << 16
LONGEST_RUN = 1 << 31  # pages: the file has 32 bits for them
HIGHEST_COUNT = 65535  # what is mapped more often is told as this
LONGEST_TEXT = 8 << 20

number = partial(int.from_bytes, byteorder="little")

EXIT_FAILED, EXIT_USAGE, EXIT_NOT_ROOT, EXIT_NO_FLAGS, EXIT_INTERRUPTED = 1, 2, 3, 4, 130

FLAGS, COUNTS, BUDDYINFO = "proc/kpageflags", "proc/kpagecount", "proc/buddyinfo"
AFTERWARDS = (
    b"proc/buddyinfo.after"  # how far the free lists moved meanwhile tells what differences to expect
)
MEMORY, MEMORY_FIELDS = "sys/devices/system/memory", ("phys_index", "state", "valid_zones", "removable")
NEEDED_TEXTS = ("proc/version", "proc/zoneinfo", BUDDYINFO)
OTHER_TEXTS = (
    *("proc/" + name for name in ("iomem", "meminfo", "pagetypeinfo", "vmstat")),
    *("proc/sys/vm/" + name for name in ("min_free_kbytes", "watermark_scale_factor")),
    *(MEMORY + "/" + name for name in ("auto_online_blocks", "block_size_bytes")),
)
# A command line may hold secrets: only its words about memory are kept.
MEMORY_WORDS = re.compile(
    r"(mem\w*(\.\w+)?|movable\w+|kernelcore|numa\w*|cma\w*|thp_\w+|\w*huge\w+|crashkernel|swiotlb"
    r"|page_\w+(\.\w+)?|debug_pagealloc|init_on_\w+|sl[au]b_\w+|deferred_\w+|virtio_mem\.\w+)(=.*)?\Z"
)
EPILOG = """\
The file holds page flags, map counts, and the kernel's own tables of its memory; never page contents, and of
the kernel's command line only the words about memory.

examples:
  sudo python3 capture.py -o host.vmem                          this machine
  ssh root@vm python3 - -o - < clients/capture.py > vm.vmem     another one, with no file left there
  python3 capture.py --root copied -o copied.vmem               copies in copied/proc and copied/sys

exit status:
  0  the file is complete    1  reading or writing failed    2  wrong options, or FILE exists
  3  not root                4  no kpageflags to read        130  interrupted
"""


class CaptureError(Exception):
    """Ends the capture: the exit status, and a sentence for people."""


class Source:
    """Where proc/ and sys/ are: the running machine's, or a folder's."""

    def __init__(self, root: Optional[str]) -> None:
        """Takes the folder; None means the running machine."""
        self.is_live = root is None
        self.root = "/" if root is None else root

    def path(self, name: str) -> str:
        """Returns where a file is; in a folder, its .xz when only that is there."""
        path = os.path.join(self.root, name)
        packed = path + ".xz"
        return packed if not self.is_live and os.path.exists(packed) and not os.path.exists(path) else path

    def validate(self) -> None:
        """Raises CaptureError, with a hint, unless there is a kpageflags that can be read."""
        path = self.path(FLAGS)
        try:
            open_file(path).close()
        except PermissionError:
            raise CaptureError(EXIT_NOT_ROOT, "%s may not be read: run this as root." % path) from None
        except FileNotFoundError:
            hint = "CONFIG_PROC_PAGE_MONITOR is off" if self.is_live else "DIR is the folder above proc/"
            raise CaptureError(EXIT_NO_FLAGS, "There is no %s: %s." % (path, hint)) from None

    def text(self, name: str) -> Optional[bytes]:
        """Returns a small file, or None when there is none, or none that may be read."""
        try:
            with open_file(self.path(name)) as file:
                return read_fully(file, LONGEST_TEXT)
        except OSError:
            return None

    def names(self, folder: str, pattern: str) -> List[str]:
        """Lists the entries of a folder that match, shorter ones first, so that numbers rise."""
        folder = os.path.join(self.root, folder)
        names = os.listdir(folder) if os.path.isdir(folder) else []
        return sorted(filter(re.compile(pattern).match, names), key=lambda name: (len(name), name))


def open_file(path: str) -> BinaryIO:
    """Opens a file, and unpacks an .xz on the way."""
    if not path.endswith(".xz"):
        return open(path, "rb", buffering=0)
    if lzma is None:
        raise CaptureError(EXIT_FAILED, "This Python has no lzma module: unpack %s first." % path)
    return cast("BinaryIO", lzma.open(path))


def read_fully(file: BinaryIO, size: int) -> bytes:
    """Reads `size` bytes, or all up to the end: /proc hands out less at a time, and refuses 4 MiB at once."""
    data, piece = b"", file.read(min(size, CHUNK_SIZE))
    while piece:
        data += piece
        piece = file.read(min(size - len(data), CHUNK_SIZE))
    return data


class Writer:
    """Writes a .vmem file, section by section, to a stream that need not seek."""

    def __init__(self, stream: BinaryIO) -> None:
        """Writes the preamble."""
        self._stream = stream
        self._digest = hashlib.sha256()
        self.size = self.nr_runs = self.nr_pages = 0
        self._write(MAGIC + struct.pack("<HH", FORMAT_VERSION, 0))

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._stream.write(data)
        self.size += len(data)

    def section(self, tag: bytes, raw: bytes) -> None:
        """Writes a section: tag, size, size once packed, zlib stream."""
        packed = zlib.compress(raw, 6)
        self._write(tag + struct.pack("<II", len(raw), len(packed)) + packed)

    def json(self, tag: bytes, **members: object) -> None:
        """Writes a section that is a JSON object."""
        self.section(tag, json.dumps(members, sort_keys=True).encode())

    def runs(self, columns: "Tuple[array[int], array[int], array[int]]") -> None:
        """Writes runs: a column of their lengths in pages, one of flags, one of counts, all little-endian."""
        self.nr_runs += len(columns[0])
        self.nr_pages += sum(columns[0])
        if sys.byteorder == "big":
            for column in columns:
                column.byteswap()
        self.section(b"RUNS", b"".join(column.tobytes() for column in columns))

    def end(self, seconds: Optional[float]) -> None:
        """Writes the last section, which vouches for everything before it."""
        told = {"nr_pages": self.nr_pages, "nr_runs": self.nr_runs, "sha256": self._digest.hexdigest()}
        self.json(b"END ", capture_seconds=seconds, **told)


class RunCoder:
    """Turns pages that stream by into runs of equal flags and counts; holds little more than a section."""

    def __init__(self, writer: Writer) -> None:
        """Takes the writer of finished runs."""
        self._writer = writer
        self._pfn = 0
        self._starts, self._flags, self._counts = array("Q"), array("Q"), array("H")
        self._last = (b"", b"")

    def feed(self, flags: bytes, counts: bytes) -> None:
        """Takes the words of the next pages, equally many of both."""
        flags_before, counts_before = self._last
        if not self._starts or self._pfn - self._starts[-1] >= LONGEST_RUN:
            flags_before, counts_before = bytes(byte ^ 0xFF for byte in flags[:WORD]), counts[:WORD]
        changes = find_changes(flags_before + flags, counts_before + counts)
        if changes:
            words = array("Q", flags)
            self._flags.extend(array("Q", [words[index] for index in changes]))
            words = array("Q", counts)
            self._counts.extend(array("H", [min(words[index], HIGHEST_COUNT) for index in changes]))
            self._starts.extend(array("Q", [self._pfn + index for index in changes]))
        self._pfn += len(flags) // WORD
        self._last = (flags[-WORD:], counts[-WORD:])
        while len(self._starts) > SECTION_NR_RUNS:
            self._write_section()

    def finish(self) -> None:
        """Writes what is left."""
        while self._starts:
            self._write_section()

    def _write_section(self) -> None:
        taken = slice(SECTION_NR_RUNS)
        ends = self._starts[1 : SECTION_NR_RUNS + 1] + array("Q", [self._pfn])
        lengths = array("I", map(sub, ends, self._starts[taken]))
        self._writer.runs((lengths, self._flags[taken], self._counts[taken]))
        del self._starts[taken], self._flags[taken], self._counts[taken]


def find_changes(flags: bytes, counts: bytes) -> List[int]:
    """Returns the index of each word, not counting the first, that differs from the word before it.

    Works on both columns at once; an exclusive-or of long integers does what a loop over words would do.
    """
    if flags[WORD:] == flags[:-WORD] and counts[WORD:] == counts[:-WORD]:
        return []
    changes: List[int] = []
    for start in range(0, len(flags) - WORD, STRETCH_SIZE):
        end = min(start + STRETCH_SIZE, len(flags) - WORD)
        before, here = slice(start, end), slice(start + WORD, end + WORD)
        if flags[here] == flags[before] and counts[here] == counts[before]:
            continue
        difference = number(flags[here]) ^ number(flags[before])
        difference |= number(counts[here]) ^ number(counts[before])
        words = array("Q", difference.to_bytes(end - start, "little"))
        changes.extend(compress(range(start // WORD, end // WORD), words))
    return changes


def read_pages(source: Source) -> Iterator[Tuple[bytes, bytes]]:
    """Yields the words of kpageflags and kpagecount, equally many of both; counts that are missing are 0."""
    counts_path = source.path(COUNTS) if os.access(source.path(COUNTS), os.R_OK) else os.devnull
    with open_file(source.path(FLAGS)) as flags_file, open_file(counts_path) as counts_file:
        while True:
            flags = read_fully(flags_file, CHUNK_SIZE)
            flags = flags[: len(flags) // WORD * WORD]
            if not flags:
                return
            yield flags, read_fully(counts_file, len(flags)).ljust(len(flags), b"\0")


def read_texts(source: Source) -> Dict[str, bytes]:
    """Reads the tables; buddyinfo last, for it is compared with the page flags, which are read next."""
    texts = {MEMORY: memory_blocks(source)}
    words = (source.text("proc/cmdline") or b"").decode("utf-8", "replace").split()
    texts["proc/cmdline"] = " ".join(filter(MEMORY_WORDS.match, words)).encode()
    for name in OTHER_TEXTS + NEEDED_TEXTS:
        content = source.text(name)
        if content is not None:
            texts[name] = content
        elif name in NEEDED_TEXTS:
            raise CaptureError(EXIT_FAILED, "%s cannot be read." % source.path(name))
    return texts


def memory_blocks(source: Source) -> bytes:
    """Returns a line for each memory block of sysfs: name, four of its files, node; parted by tabs."""
    lines = []
    for name in source.names(MEMORY, r"memory\d+\Z"):
        folder = MEMORY + "/" + name
        node = source.names(folder, r"node\d+\Z")[:1] or ["-"]
        fields = [source.text(folder + "/" + field) or b"" for field in MEMORY_FIELDS]
        words = [" ".join(field.decode("ascii", "replace").split()) or "-" for field in fields]
        lines.append("\t".join([name, *words, *node]) + "\n")
    return "".join(lines).encode()


def end_of_ram(texts: Dict[str, bytes]) -> int:
    """Returns the address behind the last RAM; next to nothing where iomem tells none, as without root."""
    ends = re.findall(rb"^ *[0-9a-f]+-([0-9a-f]+) : System RAM", texts.get("proc/iomem", b""), re.MULTILINE)
    return max([int(end, 16) + 1 for end in ends] or [0])


def tell_progress(pages: Iterator[Tuple[bytes, bytes]], nr_pages: int) -> Iterator[Tuple[bytes, bytes]]:
    """Yields `pages` on, and tells on stderr how far it got: a bar on a terminal, elsewhere each quarter."""
    is_bar, pfn, told = sys.stderr.isatty(), 0, -1
    form = "\r[%-50s] %3d %%" if is_bar else "read %.0s%d %% of the page flags\n"
    for flags, counts in pages:
        pfn += len(flags) // WORD
        percent = min(100, 100 * pfn // nr_pages) // (1 if is_bar else 25) * (1 if is_bar else 25)
        if percent != told:
            print(form % ("#" * (percent // 2), percent), end="", file=sys.stderr, flush=True)
        told = percent
        yield flags, counts
    sys.stderr.write("\n" if is_bar else "")


def capture(source: Source, stream: BinaryIO, options: argparse.Namespace) -> Writer:
    """Captures everything; returns the writer, which knows how much that was."""
    source.validate()  # fails, if it must, before the long part
    texts = read_texts(source)
    page_size = options.page_size or os.sysconf("SC_PAGE_SIZE")
    writer = Writer(stream)
    kind, architecture = ("live", os.uname().machine) if source.is_live else ("files", "")
    has_counts = os.access(source.path(COUNTS), os.R_OK)
    head = {"tool": TOOL, "source": kind, "page_size": page_size, "has_counts": has_counts}
    writer.json(b"HEAD", architecture=architecture, **head)
    for name in sorted(texts):
        writer.section(b"TEXT", name.encode() + b"\n" + texts[name])
    began = time.monotonic()
    pages, coder = read_pages(source), RunCoder(writer)
    nr_pages = end_of_ram(texts) // page_size
    for flags, counts in tell_progress(pages, nr_pages) if nr_pages and not options.quiet else pages:
        coder.feed(flags, counts)
    coder.finish()
    if not writer.nr_pages:
        raise CaptureError(EXIT_NO_FLAGS, "%s is empty." % source.path(FLAGS))
    if source.is_live:
        writer.section(b"TEXT", AFTERWARDS + b"\n" + (source.text(BUDDYINFO) or b""))
    writer.end(round(time.monotonic() - began, 3) if source.is_live else None)
    return writer


@contextlib.contextmanager
def open_output(path: str, *, is_forced: bool) -> Iterator[BinaryIO]:
    """Opens the output: "-" is standard output, a pipe is written to, a file appears once it is whole."""
    is_stdout = path == "-"
    if is_stdout and sys.stdout.isatty():
        raise CaptureError(EXIT_USAGE, "A capture is no text for a terminal: send it to a file.")
    if is_stdout or (os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode)):
        with open(sys.stdout.fileno() if is_stdout else path, "wb", closefd=not is_stdout) as file:
            yield file
        return
    path = os.path.realpath(path)
    if os.path.exists(path) and not is_forced:
        raise CaptureError(EXIT_USAGE, "%s exists: take another name, or say --force." % path)
    handle, temporary = tempfile.mkstemp(prefix=".capture-", suffix=".part", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
        if "SUDO_UID" in os.environ and os.geteuid() == 0:
            os.chown(temporary, int(os.environ["SUDO_UID"]), -1)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def parse_options(arguments: Optional[List[str]], program: str) -> argparse.Namespace:
    """Parses the command line."""
    about = __doc__.split("\n\n")[0]
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(program, description=about, epilog=EPILOG, formatter_class=shape)
    add = parser.add_argument
    add("-o", "--output", required=True, metavar="FILE", help="the .vmem file to write; - is standard output")
    add("-f", "--force", action="store_true", help="overwrite FILE")
    add("-q", "--quiet", action="store_true", help="tell nothing but errors")
    add("--root", metavar="DIR", help="read the copies in DIR (.xz too) instead of the running machine")
    add("--page-size", type=int, choices=PAGE_SIZES, help="of the machine (default: of this one)")
    add("--version", action="version", version="%s, format %d" % (TOOL, FORMAT_VERSION))
    return parser.parse_args(arguments)


def main(arguments: Optional[List[str]] = None, program: str = "capture.py") -> int:
    """Captures as the command line says; returns the exit status. `program` is the name that it goes by."""
    options = parse_options(arguments, program)
    status, message = EXIT_FAILED, ""
    try:
        with open_output(options.output, is_forced=options.force) as stream:
            writer = capture(Source(options.root), stream, options)
    except CaptureError as error:
        status, message = error.args
    except KeyboardInterrupt:
        status, message = EXIT_INTERRUPTED, "Interrupted."
    except READ_ERRORS as error:
        message = "%s." % error
    if message:
        sys.stderr.write("%s: %s\n" % (program, message))
        return status
    if not options.quiet:
        name = "FILE" if options.output == "-" else options.output
        size = "%d page frames in %d runs, %d bytes" % (writer.nr_pages, writer.nr_runs, writer.size)
        print("%s: %s.\nNext: vmemctl create --from %s" % (name, size, name), file=sys.stderr)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no half file is left behind
    sys.exit(main())
