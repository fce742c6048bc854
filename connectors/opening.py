"""Settings -> sources and sinks."""

from __future__ import annotations

from pathlib import Path

from connectors.contracts import Sink, Source
from connectors.sinks.files import FileSink
from connectors.sources.files import FileSource
from definitions.connections import SinkSettings, SourceSettings


def open_source(settings: SourceSettings, root: Path) -> Source:
    """The source that settings describe; paths count from the project's root."""
    return FileSource(root / settings.path, settings.format)


def open_sink(settings: SinkSettings, root: Path) -> Sink:
    """The sink that settings describe; paths count from the project's root."""
    return FileSink(root / settings.path, root)
