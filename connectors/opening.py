"""Settings -> sources and sinks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from connectors.contracts import Sink, Source
from connectors.secrets import Secrets
from connectors.sinks.opening import sink_of
from connectors.sources.files import FileSource
from definitions.connections import SourceSettings
from definitions.sinks import SinkSettings


def open_source(settings: SourceSettings, root: Path) -> Source:
    """The source that settings describe; paths count from the project's root."""
    return FileSource(root / settings.path, settings.format)


def open_sink(settings: SinkSettings, root: Path, variables: Mapping[str, str] = os.environ) -> Sink:
    """The sink that settings describe; paths count from the project's root, secrets are read now."""
    return sink_of(settings, Secrets(root, variables))
