"""Secrets, read where definitions name them. A value is never printed: it stands in a `SecretStr` until it is used."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from definitions import EnvironmentFault

MAX_BYTES = 64 * 1024


@dataclass(frozen=True)
class Secrets:
    """Reads `env:NAME` from variables and `file:path` from files; paths count from the project's root."""

    root: Path
    variables: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Secrets({self.root})"

    def read(self, reference: str) -> SecretStr:
        """The secret of a reference, without line ends around it; raises EnvironmentFault where there is none."""
        kind, _, name = reference.partition(":")
        value = self.variables.get(name, "") if kind == "env" else self._file(name)
        if not value.strip():
            what = f"variable `{name}`" if kind == "env" else f"file `{name}`"
            raise EnvironmentFault("no-secret", f"the {what} that a secret is read from is not there or empty")
        return SecretStr(value.strip())

    def _file(self, name: str) -> str:
        path = self.root / name
        try:
            if not path.is_file() or path.stat().st_size > MAX_BYTES:
                return ""
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError):
            return ""


def secret(reference: str, root: Path = Path()) -> str:
    """The secret that a reference leads to, as text; paths count from the project's root."""
    return Secrets(root, os.environ).read(reference).get_secret_value()


def hidden(text: str, secrets: Iterable[SecretStr]) -> str:
    """A text that came from outside, without secrets of ours that it repeats.

    >>> hidden("no user for tok_123456", [SecretStr("tok_123456")])
    'no user for ***'
    """
    for secret in secrets:
        if len(secret.get_secret_value()) >= 6:
            text = text.replace(secret.get_secret_value(), "***")
    return text
