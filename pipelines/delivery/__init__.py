"""Delivery: planned actions whose time has come are rendered, handed to their sinks, and what came of it is noted."""

from pipelines.delivery.dispatcher import Delivered, deliver, stop_file
from pipelines.delivery.journal import FileJournal, Journal, MemoryJournal

__all__ = ["Delivered", "FileJournal", "Journal", "MemoryJournal", "deliver", "stop_file"]
