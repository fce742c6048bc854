"""Settings -> sources, those on our own engine too, which connectors know nothing of."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from connectors import Source, open_source
from connectors.sources.database import DatabaseSource
from definitions.connections import SourceSettings, WarehouseSourceSettings
from sql.warehouses.landed import LandedTables


def source_of(settings: SourceSettings, root: Path) -> Source:
    """The source that settings describe; paths count from the project's root."""
    if isinstance(settings, WarehouseSourceSettings):
        return DatabaseSource(partial(LandedTables, root / settings.path, settings.schema_), settings.schema_)
    return open_source(settings, root)
