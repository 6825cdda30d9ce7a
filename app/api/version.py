"""Which version this is: of the program, of its API's text, of `vmemsim --version`."""

VERSION = "0.1.0"  # as in pyproject.toml; a test compares them
