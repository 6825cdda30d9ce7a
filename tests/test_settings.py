"""Settings: which source wins, what is refused and how, and what the help says."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.errors import InvalidValue
from app.settings import Settings, load, rows


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests do not see the settings of whoever runs them."""
    for name, _, _ in rows():
        monkeypatch.delenv(name, raising=False)


def test_load_without_anything_gives_defaults() -> None:
    """The defaults are a service on this machine only, with every limit set."""
    settings = load()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert (settings.max_guests, settings.max_total_pages) == (4096, 2**31)
    assert (settings.max_body_bytes, settings.max_capture_bytes) == (2**20, 2**30)


def test_load_flag_before_environment_before_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of three sources the flag wins, then the environment, then the file."""
    file = tmp_path / "vmemsim.toml"
    file.write_text('port = 1\nmax_guests = 1\nmax_body_bytes = "2KiB"\n')
    monkeypatch.setenv("VMEMSIM_PORT", "2")
    monkeypatch.setenv("VMEMSIM_MAX_GUESTS", "2")
    settings = load(file, {"port": 3, "host": None})
    assert (settings.port, settings.max_guests, settings.max_body_bytes) == (3, 2, 2048)


def test_load_other_variables_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """VMEMSIM_URL belongs to clients, VMEMSIM_KERNEL_CACHE to the kernels: neither is refused here."""
    monkeypatch.setenv("VMEMSIM_URL", "http://example.invalid")
    monkeypatch.setenv("VMEMSIM_KERNEL_CACHE", "somewhere")
    assert load() == Settings()


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("VMEMSIM_PORT", "65536", "port to listen on"),
        ("VMEMSIM_PORT", "http", "port to listen on"),
        ("VMEMSIM_MAX_GUESTS", "-1", "guests that may exist at once"),
        ("VMEMSIM_MAX_BODY_BYTES", "many", '"2GiB"'),
        ("VMEMSIM_SHUTDOWN_GRACE_S", "60", "less than or equal to 8"),
    ],
)
def test_load_wrong_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, accepted: str
) -> None:
    """The error names the variable as it was written, its value, and what would be accepted."""
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidValue) as caught:
        load()
    assert caught.value.members["field"] == name
    assert value in caught.value.detail
    assert accepted in caught.value.detail


def test_load_wrong_flag_is_named_as_a_flag() -> None:
    """A flag is named with its dashes."""
    with pytest.raises(InvalidValue, match=r"^--port is 70000; accepted: port to listen on"):
        load(None, {"port": 70000})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("ports = 1\n", "one of .*port"), ("port = \n", "a TOML file"), ("port = [1]\n", "port in .*toml")],
)
def test_load_wrong_file_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    """An unknown name, a file that is no TOML, and a value of the wrong type are refused."""
    file = tmp_path / "vmemsim.toml"
    file.write_text(text)
    with pytest.raises(InvalidValue, match=complaint):
        load(file)


def test_load_missing_file_is_refused(tmp_path: Path) -> None:
    """A file that cannot be read is refused, not ignored."""
    with pytest.raises(InvalidValue, match="a readable file"):
        load(tmp_path / "nothing.toml")


def test_settings_cannot_be_changed() -> None:
    """Settings are frozen."""
    with pytest.raises(ValidationError, match="frozen"):
        setattr(Settings(), "port", 1)  # noqa: B010 - mypy knows that it cannot be set


def test_rows_describe_every_setting() -> None:
    """The help text has a line for every setting, each with a meaning."""
    assert len(rows()) == len(Settings.model_fields)
    assert all(text for _, _, text in rows())
