"""A process that has imported what is not ours, and forks another for each tree of sources: that spares most of its start.

Run as a script, it reads lines of JSON, each a tree, a module to run there with its arguments, and a file for what it says;
for each it answers the exit code. It has no threads of its own, and ends with whoever started it.
"""

from __future__ import annotations

import ctypes.util
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

THEIRS = (
    "cronsim", "duckdb", "jinja2", "numpy", "phonenumbers", "pyarrow", "pydantic", "pytest", "pytz", "sqlglot.dialects.duckdb", "yaml"
)  # fmt: skip
"""What is imported once. Polars starts threads, which a fork would lose."""
MEMORY = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=2000"} | (
    {"LD_PRELOAD": jemalloc} if (jemalloc := ctypes.util.find_library("jemalloc")) else {}
)
"""The engine plans small statements from tens of thousands of small pieces of memory: a seventh of the time is saved where the
C library keeps them at hand, and another one by jemalloc, where it is installed. Other libraries do not read this."""
_EACH = threading.local()
_EVERY = 0.05


def run_in(tree: Path, module: str, arguments: Sequence[str], said: Path) -> int:
    """Run a module with the sources of a tree; its exit code. What it says is written to a file."""
    if not hasattr(_EACH, "process"):
        _EACH.process = _start()
    process: subprocess.Popen[str] = _EACH.process
    assert process.stdin is not None and process.stdout is not None
    asked = {"tree": str(tree), "module": module, "arguments": list(arguments), "said": str(said)}
    process.stdin.write(json.dumps(asked) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def _start() -> subprocess.Popen[str]:
    environment = {**MEMORY, **os.environ, "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    command = [sys.executable, "-P", __file__]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)


def main() -> None:
    """Answer until nobody asks any more."""
    for name in THEIRS:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _run(json.loads(line))
        sys.stdout.write(f"{_exit_code(child)}\n")
        sys.stdout.flush()


def _exit_code(child: int) -> int:
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if select.select([sys.stdin], [], [], _EVERY)[0]:  # nothing is asked meanwhile: whoever asked is gone
            os.kill(child, signal.SIGKILL)


def _run(asked: dict[str, Any]) -> None:
    code: object = 1
    said = os.open(asked["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, place in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(ours, place)
    try:
        os.chdir(asked["tree"])
        sys.path[:0] = [asked["tree"], f"{asked['tree']}/tests"]
        sys.argv = [asked["module"], *asked["arguments"]]
        runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main()
