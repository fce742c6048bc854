"""Secrets by reference: `env:NAME` is a variable, `file:path` a file. They are never written in definitions."""

from __future__ import annotations

import os
from pathlib import Path

from definitions import EnvironmentFault


def secret(reference: str, root: Path = Path()) -> str:
    """The secret that a reference leads to; paths count from the project's root."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        if not os.environ.get(name):
            raise EnvironmentFault("no-secret", f"the variable `{name}` is not set", f"set `{name}` and run again")
        return os.environ[name]
    try:
        return (root / name).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise EnvironmentFault("no-secret", f"the secret's file `{name}` cannot be read") from error
