"""What came back: events from a receiver, from folders and from tables become results, each of them once."""

from pipelines.results.collecting import Collected, Places, collect

__all__ = ["Collected", "Places", "collect"]
