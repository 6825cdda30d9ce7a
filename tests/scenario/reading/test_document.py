"""Scenario files as text: values know their lines, and no YAML can hurt the reader."""

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from app.errors import ScenarioInvalid
from app.scenario.reading import document
from app.scenario.reading.document import LARGEST_DEPTH, LARGEST_FILE, LONGEST_KEY, Value, parse_document


def parse(text: str) -> Value:
    """Parses a text as a file named f."""
    return parse_document(text, file="f")


def test_values_know_field_line_and_column() -> None:
    """A member stands where its key does, an item where it begins."""
    members = parse("id: S08\ncases:\n  - {a: 1, b: [x, y]}\n").mapping()
    case = members["cases"].items(longest=9)[0]
    assert (case.field, case.line, case.column) == ("cases[0]", 3, 5)
    assert (case.require("b").line, case.require("b").column) == (3, 12)
    assert case.require("b").items(longest=9)[1].field == "cases[0].b[1]"


def test_scalars_have_the_type_that_is_asked_for() -> None:
    """What YAML 1.1 would make a boolean, an octal or a base-60 number is text until somebody asks."""
    members = parse("a: no\nb: 08\nc: 12:30\nd: '7'\ne: 64MiB\n").mapping()
    assert (members["a"].text(longest=9), members["a"].boolean()) == ("no", False)
    assert (members["b"].text(longest=9), members["b"].integer(0, 9)) == ("08", 8)
    assert members["c"].text(longest=9) == "12:30"
    assert members["d"].integer(7, 7) == 7
    assert members["e"].size(1 << 30) == 64 << 20


@pytest.mark.parametrize(
    ("text", "line", "accepted"),
    [
        ("a: 1\nb: &x 2\n", 2, "without anchor"),
        ("a: 1\nb: *x\n", 2, "without anchor or alias"),
        ("a: &a [*a]\n", 1, "without anchor"),
        ("a: 1\nb: !!int 2\n", 2, "without tag"),
        ("a: 1\nb: !!python/name:os.system x\n", 2, "without tag"),
        ("a: 1\nb: 2\na: 3\n", 3, "each key once"),
        ("a: 1\n---\nb: 2\n", 2, "one document"),
        ("? [a]\n: 1\n", 1, "a key"),
        ("a: [1\nb: 2\n", 2, "YAML"),
        ("a: 1\n\tb: 2\n", 2, "YAML"),
        ("a: 1\nb: |....|....|\n", 2, "a picture must stand in quotes"),
        ("a: 1\nb: {pages: |....|....|}\n", 2, "a picture must stand in quotes"),
        ("a: 1\nb: \x00\n", 2, "printable"),
        ("a: 1\nb: \ud800\n", 2, "printable"),
        ("- " * (LARGEST_DEPTH + 1), 1, f"at most {LARGEST_DEPTH} levels"),
        ("[" * 60_000, 1, f"at most {LARGEST_DEPTH} levels"),
        ("x" * (LARGEST_FILE + 1), 1, f"at most {LARGEST_FILE} bytes"),
        ("é" * (LARGEST_FILE // 2 + 1), 1, f"at most {LARGEST_FILE} bytes"),
        ("? " + "k" * (LONGEST_KEY + 1) + "\n: 1\n", 1, f"1 to {LONGEST_KEY} characters"),
    ],
)
def test_parse_of_hostile_or_broken_text_names_the_line(text: str, line: int, accepted: str) -> None:
    """Aliases, tags, depth, size, duplicates and broken YAML are refused at their place."""
    with pytest.raises(ScenarioInvalid) as caught:
        parse(text)
    assert caught.value.members["line"] == line
    assert accepted in caught.value.detail


def test_parse_at_the_limits_is_accepted() -> None:
    """A file of the largest size, and one of the largest depth."""
    assert len(parse("x" * LARGEST_FILE).text(longest=LARGEST_FILE)) == LARGEST_FILE
    assert isinstance(parse("- " * LARGEST_DEPTH).content, list)
    assert parse("").content == ""


@pytest.mark.parametrize(
    ("text", "read", "accepted"),
    [
        ("[a]", lambda value: value.text(longest=9), "a text of 1 to 9"),
        ("'  '", lambda value: value.text(longest=9), "a text of 1 to 9"),
        ("tool long to be", lambda value: value.text(longest=9), "a text of 1 to 9"),
        ("z", lambda value: value.word(["x", "y"]), "one of x, y"),
        ("seven", lambda value: value.integer(0, 9), "an integer from 0 to 9"),
        ("1.5", lambda value: value.integer(0, 9), "an integer from 0 to 9"),
        ("9" * 5000, lambda value: value.integer(0, 9), "an integer from 0 to 9"),
        ("10", lambda value: value.integer(0, 9), "an integer from 0 to 9"),
        ("maybe", lambda value: value.boolean(), "one of yes, true, no, false"),
        ("1 potato", lambda value: value.size(9), "bytes as an integer"),
        ("[1]", lambda value: value.size(9), "bytes as an integer"),
        ("10", lambda value: value.size(9), "at most 9 bytes"),
        ("a", lambda value: value.items(longest=2), "a list of 0 to 2"),
        ("[]", lambda value: value.items(shortest=1, longest=2), "a list of 1 to 2"),
        ("[1, 2, 3]", lambda value: value.items(longest=2), "a list of 0 to 2"),
        ("a", lambda value: value.mapping(["k"]), "a mapping of at most 64 members with the keys k"),
        ("{a: 1, b: 2}", lambda value: value.mapping(longest=1), "a mapping of at most 1"),
        ("{j: 1}", lambda value: value.mapping(["k", "l"]), "no such key here; known: k, l"),
        ("{j: 1}", lambda value: value.require("k"), "has 'k' as well"),
    ],
)
def test_value_of_another_kind_says_what_would_do(text: str, read: object, accepted: str) -> None:
    """Each way to read a value refuses what is not of its kind."""
    assert callable(read)
    with pytest.raises(ScenarioInvalid) as caught:
        read(parse(text))
    assert accepted in str(caught.value.members["accepted"])


@given(text=st.text() | st.binary().map(lambda data: data.decode("latin-1")))
@example("? ")
@example("{: }")
@example("\ufeffa: 1")
def test_parse_of_any_text_ends_in_a_value_or_its_own_error(text: str) -> None:
    """Nothing but ScenarioInvalid comes out, with a line inside the text."""
    try:
        value = parse(text)
    except ScenarioInvalid as wrong:
        line = wrong.members["line"]
        assert isinstance(line, int)
        assert 1 <= line <= len(text.splitlines()) + 2
    else:
        assert value.line >= 1


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_parse_with_and_without_libyaml_tells_the_same(loader: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no libyaml, values and the lines of errors are the same."""
    monkeypatch.setattr(document, "_LOADER", loader)
    assert parse("a: [1, {b: x}]\nc: |\n  |..|\n  |..|\n").mapping()["c"].text(longest=99) == "|..|\n|..|"
    with pytest.raises(ScenarioInvalid) as caught:
        parse("a: 1\nb: |....|\n")
    assert caught.value.members["line"] == 2
