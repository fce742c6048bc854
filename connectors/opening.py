"""Settings -> sources and sinks. What only one kind of them needs is loaded when such a one is opened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

from connectors.contracts import Sink, Source
from connectors.secrets import Secrets
from connectors.sinks.opening import sink_of
from connectors.sources.database import database
from connectors.sources.dlt import DltSource
from definitions.connections import (
    DatabaseSourceSettings,
    DltSourceSettings,
    FileSourceSettings,
    OutsideSettings,
)
from definitions.sinks import SinkSettings


def open_source(settings: OutsideSettings, root: Path) -> Source:
    """The source that settings describe; paths count from the project's root."""
    match settings:
        case FileSourceSettings():
            from connectors.sources.files import FileSource

            return FileSource(root / settings.path, settings.format, settings.latest)
        case DatabaseSourceSettings():
            return database(settings.url, settings.schema_, root)
        case DltSourceSettings():
            return DltSource(settings.source, settings.arguments, root)
        case _:
            assert_never(settings)


def open_sink(settings: SinkSettings, root: Path, variables: Mapping[str, str] = os.environ) -> Sink:
    """The sink that settings describe; paths count from the project's root, secrets are read now."""
    return sink_of(settings, Secrets(root, variables))
