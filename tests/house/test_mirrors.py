"""Mirrors: each module of app/ and clients/ has its test file, and each such test file its module."""

import ast

from tests.house.tree import Source, parse_source, read_sources

# Test folders that mirror no room: they test the whole, or the house.
WHOLE_HOUSE = (
    "captures",
    "conformance",
    "house",
    "model",
    "integration",
    "contract",
    "replay",
    "bench",
    "e2e",
    "kernel_facts",
)
# Modules that are tested elsewhere: where, and why.
TESTED_ELSEWHERE: dict[str, tuple[str, str]] = {}


def holds_code(source: Source) -> bool:
    """Returns whether a module does more than import, re-export, start the program and say what it is."""
    return any(not _is_plate_or_import(statement) for statement in source.tree.body)


def mirror_of(path: str) -> str:
    """Returns the test file of a module: app/mm/buddy.py -> tests/mm/test_buddy.py."""
    folder, _, name = path.removeprefix("app/").rpartition("/")
    stem = name.removesuffix(".py").strip("_")
    return "/".join(part for part in ("tests", folder, f"test_{stem}.py") if part)


def find_unmirrored(modules: tuple[Source, ...], tests: tuple[Source, ...]) -> list[str]:
    """Returns the modules that hold code and have no test file."""
    present = {source.path for source in tests}
    needed = {source.path: mirror_of(source.path) for source in modules if holds_code(source)}
    return [path for path, mirror in needed.items() if mirror not in present and path not in TESTED_ELSEWHERE]


def find_stray(modules: tuple[Source, ...], tests: tuple[Source, ...]) -> list[str]:
    """Returns the test files that stand where a mirror would, but whose module does not exist."""
    mirrors = {mirror_of(source.path) for source in modules}
    return [source.path for source in tests if _is_mirror(source.path) and source.path not in mirrors]


def _is_mirror(path: str) -> bool:
    room, _, _ = path.removeprefix("tests/").partition("/")
    return room not in WHOLE_HOUSE and path.rpartition("/")[2].startswith("test_")


def _is_plate_or_import(statement: ast.stmt) -> bool:
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return True
    return False


def test_modules_have_a_test_file_of_their_own() -> None:
    """Every module of app/ and clients/ that holds code is mirrored in tests/."""
    assert "\n".join(find_unmirrored(read_sources("app", "clients"), read_sources("tests"))) == ""


def test_mirrors_have_a_module() -> None:
    """No test file is left behind by a module that was renamed or removed."""
    assert "\n".join(find_stray(read_sources("app", "clients"), read_sources("tests"))) == ""


def test_modules_tested_elsewhere_exist_and_say_why() -> None:
    """Each exception names a module that exists, a test file that exists, and a reason."""
    present = {source.path for source in read_sources("app", "clients", "tests")}
    for module, (test_file, reason) in TESTED_ELSEWHERE.items():
        assert module in present
        assert test_file in present
        assert reason


def test_unmirrored_and_stray_files_are_found() -> None:
    """A module without test and a test without module are found; re-exporting needs no test."""
    modules = (
        parse_source("app/mm/buddy.py", "X = 1"),
        parse_source("app/mm/__init__.py", '"""Room."""\nfrom app.mm.buddy import X\n__all__ = ["X"]'),
        parse_source("app/__main__.py", 'from app.cli import main\nif __name__ == "__main__":\n    main()'),
        parse_source("clients/_calls.py", "X = 1"),
    )
    tests = (parse_source("tests/mm/test_zone.py", ""), parse_source("tests/clients/test_calls.py", ""))
    assert find_unmirrored(modules, tests) == ["app/mm/buddy.py"]
    assert find_stray(modules, tests) == ["tests/mm/test_zone.py"]
