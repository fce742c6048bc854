"""An older version of a workflow, read again from what was kept of its file."""

from __future__ import annotations

from dataclasses import dataclass

from definitions.errors import InternalError
from definitions.source import SourceFile, read_source
from definitions.workflow import Workflow


@dataclass(frozen=True)
class OlderVersion:
    """A workflow as it was applied, with the places of its texts."""

    name: str
    workflow: Workflow
    source: SourceFile


def read_version(name: str, definition: str) -> OlderVersion:
    """Read a definition that was kept as JSON; it was sound when it was kept."""
    source, _ = read_source(f"workflows/{name}.yaml", definition)
    if source is None:
        raise InternalError(f"an older version of `{name}` cannot be read")
    return OlderVersion(name, Workflow.model_validate(source.data), source)
