"""An older version of a workflow, read again from what was kept of its file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from definitions.errors import InternalError
from definitions.source import SourceFile, read_source
from definitions.workflow import Workflow

_UNWRITTEN = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What YAML takes otherwise, or not at all, unless it is escaped."""


@dataclass(frozen=True)
class OlderVersion:
    """A workflow as it was applied, with the places of its texts."""

    name: str
    workflow: Workflow
    source: SourceFile


def _as_yaml(text: str) -> str:
    """JSON is YAML but for characters that JSON escapes as two."""
    written = json.dumps(json.loads(text), ensure_ascii=False)
    return _UNWRITTEN.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


def read_version(name: str, definition: str) -> OlderVersion:
    """Read a definition that was kept as JSON; it was sound when it was kept."""
    source, _ = read_source(f"workflows/{name}.yaml", _as_yaml(definition))
    if source is None:
        raise InternalError(f"an older version of `{name}` cannot be read")
    return OlderVersion(name, Workflow.model_validate(source.data), source)
