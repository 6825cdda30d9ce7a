"""The commands, as processes: what they print, how they end, and what they leave behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from app.api.version import VERSION
from app.settings import Settings

ROOT = Path(__file__).parents[1]
PROGRAM = (sys.executable, "-m", "app")
# Cold kernels are compiled by whichever test comes first.
PATIENCE_S = 120
PROGRESS = re.compile(r"makes its kernels ready|steps after \d+ s")


def _environment(**changes: str) -> dict[str, str]:
    """Returns this process's environment without the settings of whoever runs the tests."""
    names = {f"VMEMSIM_{name.upper()}" for name in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name not in names} | changes


def _run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        cwd=ROOT,
        env=_environment(**changes),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def quiet(errors: str) -> str:
    """Returns what went to standard error besides the progress of loading kernels, which a busy machine shows."""
    return "".join(line for line in errors.splitlines(keepends=True) if not PROGRESS.search(line))


class Running(NamedTuple):
    """A service in a process of its own."""

    process: subprocess.Popen[str]
    url: str
    announcement: Path

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str, float]:
        """Sends a signal; returns exit code, output, complaints, and the seconds until the end."""
        began = time.monotonic()
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, quiet(err), time.monotonic() - began


@contextmanager
def _serving(folder: Path, *arguments: str, **changes: str) -> Iterator[Running]:
    """Starts `vmemsim serve` on a free port and waits for its announcement."""
    file = folder / "announced.json"
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--port", "0", "--announce", str(file), *arguments],
        cwd=ROOT,
        env=_environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not file.exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        announced = json.loads(file.read_text())
        assert announced["pid"] == process.pid
        yield Running(process, announced["url"], file)
    finally:
        process.kill()
        process.communicate()


def test_version_is_printed_quickly() -> None:
    """--version prints one line, without loading numba or FastAPI."""
    done = _run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"vmemsim {VERSION}\n", "")
    check = "import sys, app.cli; sys.exit(bool({'numba', 'fastapi', 'pydantic'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=False).returncode == 0


def test_help_of_serve_states_every_setting() -> None:
    """Each setting is there with its variable and its default."""
    text = _run("serve", "--help", COLUMNS="200").stdout
    for name, field in Settings.model_fields.items():
        assert f"VMEMSIM_{name.upper()}" in text
        assert f"[{field.default}]" in text


def test_openapi_prints_the_file_of_the_project() -> None:
    """The command prints openapi.json, byte for byte."""
    done = _run("openapi")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (ROOT / "openapi.json").read_text(encoding="utf-8")


def test_serve_announces_answers_and_withdraws(tmp_path: Path) -> None:
    """The announcement comes when the service is ready, and goes when it ends on SIGTERM, without a traceback."""
    with _serving(tmp_path) as running:
        assert httpx.get(f"{running.url}/readyz").json() == {"status": "ready"}
        assert httpx.post(f"{running.url}/v1/guests", json={"boot_size": "1GiB"}).status_code == 201
        code, out, err, seconds = running.end()
    assert (code, err) == (0, "")
    assert f"vmemsim {VERSION} serves {running.url}" in out
    assert not running.announcement.exists()
    assert seconds < 10


def test_serve_ends_on_ctrl_c_without_a_traceback(tmp_path: Path) -> None:
    """Ctrl-C is an ordinary end."""
    with _serving(tmp_path) as running:
        code, _, err, _ = running.end(signal.SIGINT)
    assert (code, err) == (0, "")


def test_serve_ends_although_a_client_keeps_its_connection(tmp_path: Path) -> None:
    """An idle connection, and a request whose body never ends, do not hold the process."""
    with _serving(tmp_path, VMEMSIM_SHUTDOWN_GRACE_S="1") as running, httpx.Client() as client:
        client.get(f"{running.url}/healthz")
        host, port = running.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall(
                b"POST /v1/guests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100\r\n\r\n{"
            )
            time.sleep(0.2)
            code, _, err, seconds = running.end()
    assert code == 0
    assert "Traceback" not in err
    assert seconds < 10


def test_serve_ends_although_a_thread_is_busy(tmp_path: Path) -> None:
    """A call that goes on beyond the grace is answered "stopping", and the process does not wait for it."""
    guest = {"boot_size": "512GiB", "workload": "fragmented"}
    with _serving(tmp_path, VMEMSIM_SHUTDOWN_GRACE_S="1") as running, ThreadPoolExecutor() as pool:
        call = pool.submit(httpx.post, f"{running.url}/v1/guests", json=guest, timeout=60)
        time.sleep(1)
        code, _, err, seconds = running.end()
        answer = call.result()
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/stopping")
    assert (code, err) == (0, "")
    assert seconds < 10


def test_serve_takes_its_settings_from_a_file(tmp_path: Path) -> None:
    """--config is read; a limit in it holds."""
    file = tmp_path / "vmemsim.toml"
    file.write_text("max_guests = 0\n")
    with _serving(tmp_path, "--config", str(file)) as running:
        answer = httpx.post(f"{running.url}/v1/guests", json={"boot_size": "1GiB"})
    assert (answer.status_code, answer.json()["limit"]) == (507, 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("serve", "--port", "70000"), "--port is 70000"),
        (("serve", "--config", "nowhere.toml"), "--config is 'nowhere.toml'; accepted: a readable file"),
        (("serve", "--announce", "nowhere/file"), "--announce"),
        (("serve", "--host", ""), "--host"),
        (("sing",), "sing"),
    ],
)
def test_wrong_arguments_are_a_sentence_and_exit_2(arguments: tuple[str, ...], words: str) -> None:
    """What the caller got wrong is said in one sentence, without a traceback."""
    done = _run(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_on_a_taken_port_says_so() -> None:
    """A port that is in use is told by its number; exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = _run("serve", "--port", str(port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"vmemsim: cannot listen on 127.0.0.1 port {port}: Address already in use\n"


def test_warm_up_keeps_kernels_where_it_is_told(tmp_path: Path) -> None:
    """`vmemsim warm-up` says where kernels are kept; cold, it shows progress."""
    done = _run("warm-up", VMEMSIM_KERNEL_CACHE=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert f"kept in {tmp_path}" in done.stdout
    assert "vmemsim makes its kernels ready" in done.stderr
    again = _run("warm-up", VMEMSIM_KERNEL_CACHE=str(tmp_path))
    assert (again.returncode, quiet(again.stderr)) == (0, "")


def test_serve_without_a_writable_home_compiles_in_memory(tmp_path: Path) -> None:
    """Where nothing can be written, the service still starts, and says where its kernels are."""
    nowhere = tmp_path / "file"
    nowhere.write_text("no directory")
    with _serving(tmp_path, VMEMSIM_KERNEL_CACHE=str(nowhere / "cache")) as running:
        assert httpx.get(f"{running.url}/readyz").status_code == 200
        running.process.terminate()
        _, err = running.process.communicate(timeout=PATIENCE_S)
    assert "in memory only" in err
