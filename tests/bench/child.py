"""Runs one function in a fresh process: for figures that an earlier benchmark's memory or caches would spoil.

`in_child("tests.bench.footprint:untouched", 1 << 40)` imports the module over there and returns what the function
returned, by way of JSON.
"""

import json
import subprocess
import sys
from importlib import import_module
from typing import Any


def in_child(function: str, *arguments: int | str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Returns what `function`, written "module:name", returns in a fresh interpreter.

    Raises RuntimeError with the child's last words when it fails.
    """
    command = [sys.executable, "-m", "tests.bench.child", function, json.dumps(arguments)]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    if child.returncode != 0:
        last_words = child.stderr.strip().splitlines()[-1:] or [f"exit code {child.returncode}"]
        raise RuntimeError(f"{function}: {last_words[0]}")
    return json.loads(child.stdout.splitlines()[-1])


def _main() -> None:
    function, arguments = sys.argv[1:]
    module, _, name = function.partition(":")
    answer = getattr(import_module(module), name)(*json.loads(arguments))
    print(json.dumps(answer))


if __name__ == "__main__":
    _main()
