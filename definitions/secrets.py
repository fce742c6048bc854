"""Secrets are named in definitions, never written: `env:NAME` reads a variable, `file:path` a file.

A secret that was written out is found by the key it stands under or by its look. The problem shows its place and not its
line, so that a log of the check does not spread it further.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, cast

from pydantic import AfterValidator, WithJsonSchema

from definitions.problems import Problem
from definitions.source import Path, SourceFile
from definitions.values import fault

_REFERENCE = re.compile(r"(?:env:[A-Za-z_][A-Za-z0-9_]*|file:[^\x00-\x1f]+)\Z")
_NAMED = re.compile(
    r"pass(?:word|wd|phrase)|(?:^|[_-])(?:secrets?|tokens?|authorization|credentials?)$|(?:api|private)[_-]?key",
    re.IGNORECASE,
)
_LOOKS = re.compile(
    r"""-----BEGIN [A-Z ]*PRIVATE KEY
    | \b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{8} | \bwhsec_[A-Za-z0-9+/=]{8} | \bxox[abeoprs]-[A-Za-z0-9-]{8}
    | \bgh[oprsu]_[A-Za-z0-9]{20} | \bAKIA[A-Z0-9]{16}\b | \bpat-[a-z]{2}\d-[0-9a-f]{8} | \bSG\.[\w-]{16,}\.
    | \beyJ[\w-]{10,}\.eyJ | \b(?:Bearer|Basic)\s+[\w.~+/=-]{8} | hooks\.slack\.com/(?:services|workflows)/\w
    | ://[^/\s:@]*:[^/\s@]+@""",
    re.VERBOSE,
)
HINT = "write `env:NAME` or `file:path`, and change the secret: it has been in a file"


def _reference(value: str) -> str:
    if not _REFERENCE.match(value):
        raise fault("secret", "a secret is named here, not written", HINT)
    return str(value)


SecretReference = Annotated[
    str,
    AfterValidator(_reference),
    WithJsonSchema({"type": "string", "pattern": r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$", "examples": ["env:TOKEN"]}),
]


def looks_like_a_key(text: str) -> bool:
    """Does a text hold what keys and passwords look like.

    >>> looks_like_a_key("Bearer abcdefgh1234"), looks_like_a_key("the bearer of news")
    (True, False)
    """
    return _LOOKS.search(text) is not None


def written_out(source: SourceFile) -> Iterator[Problem]:
    """Secrets that stand in project.yaml itself."""
    for path, value in _texts(source.data, ()):
        if _REFERENCE.match(value):
            continue
        named = path[0] in ("sinks", "sources") and any(_NAMED.search(str(part)) for part in path[2:])
        if named or looks_like_a_key(value):
            span = replace(source.locate(path), source_line="")
            yield Problem(span, "secret", f"`{_key(path)}` holds a secret, written out", HINT)


def _key(path: Path) -> str:
    return next((part for part in reversed(path) if isinstance(part, str)), "")


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str | int | float) and not isinstance(value, bool) and path:
        yield path, str(value)
    elif isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(cast("list[Any]", value)):
            yield from _texts(inner, (*path, number))
