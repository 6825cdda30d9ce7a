"""README's curl examples, run as they stand against a live service: what it shows is what comes back."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from clients.client import Client

README = Path(__file__).parents[2] / "README.md"
FENCE = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CURL = shutil.which("curl")


def examples() -> list[tuple[str, object]]:
    """Returns (commands, the answer shown below them or None), in README's order."""
    fences = [(match[1], match[2]) for match in FENCE.finditer(README.read_text(encoding="utf-8"))]
    found = []
    for position, (language, text) in enumerate(fences):
        if language == "sh" and "curl" in text:
            follows = fences[position + 1] if position + 1 < len(fences) else ("", "")
            found.append((text, json.loads(follows[1]) if follows[0] == "json" else None))
    return found


def difference(shown: object, got: object, where: str = "") -> str:
    """Returns where `got` lacks what is shown, or "": members that README leaves out do not count."""
    if isinstance(shown, dict) and isinstance(got, dict):
        for key, value in shown.items():
            if key not in got:
                return f"{where}.{key} is missing"
            found = difference(value, got[key], f"{where}.{key}")
            if found:
                return found
        return ""
    if isinstance(shown, list) and isinstance(got, list) and len(shown) == len(got):
        pairs = enumerate(zip(shown, got, strict=True))
        return next(filter(None, (difference(*pair, f"{where}[{number}]") for number, pair in pairs)), "")
    return "" if shown == got else f"{where} is {got!r}, README shows {shown!r}"


def run(commands: str, url: str, folder: Path) -> str:
    """Runs shell commands with the service's address in place of README's; returns what they print."""
    address = url.removeprefix("http://")
    text = commands.replace("localhost:8000", address)
    done = subprocess.run(["bash", "-euc", text], capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, f"{commands}: {done.stderr}"
    return done.stdout


@pytest.mark.skipif(CURL is None, reason="curl is not installed; README's examples are written for it")
def test_readme_examples_answer_what_readme_shows(service_url: str, client: Client, tmp_path: Path) -> None:
    """Every curl example works in README's order, and answers at least the members shown below it."""
    assert "web" not in {guest.name for guest in client.list_guests()}, (
        "the service has a guest of README's name"
    )
    shown = examples()
    for commands, answer in shown:
        printed = run(commands, service_url, tmp_path)
        if answer is not None:
            assert difference(answer, json.loads(printed)) == "", commands
    assert len(shown) >= 6
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    assert "web" not in {guest.name for guest in client.list_guests()}, (
        "README's last example deletes its guest"
    )


def test_difference_names_what_differs() -> None:
    """The comparison finds a wrong number deep inside, and a missing member."""
    got = {"a": [{"b": 1, "c": 2}]}
    assert difference({"a": [{"b": 1}]}, got) == ""
    assert difference({"a": [{"b": 2}]}, got) == ".a[0].b is 1, README shows 2"
    assert difference({"d": 1}, got) == ".d is missing"
