"""The command: `python -m tests.conformance` writes docs/conformance.md."""

from tests.conformance.table import PATH, describe

if __name__ == "__main__":
    PATH.write_text(describe(), encoding="utf-8")
