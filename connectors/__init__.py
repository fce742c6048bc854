"""The rim: where rows come from and where actions go. Knows definitions, and no warehouse."""

from connectors.contracts import Action, Batch, Receipt, Sink, Source
from connectors.opening import open_sink, open_source

__all__ = ["Action", "Batch", "Receipt", "Sink", "Source", "open_sink", "open_source"]
