"""The rim: where rows come from and where actions go. Knows definitions, and no warehouse."""

from connectors.contracts import Action, Batch, Outcome, Receipt, Since, Sink, Source, Traits
from connectors.opening import open_sink, open_source

__all__ = ["Action", "Batch", "Outcome", "Receipt", "Since", "Sink", "Source", "Traits", "open_sink", "open_source"]
