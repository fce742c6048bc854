"""Sessions: the only place that meets an engine."""
