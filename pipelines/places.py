"""What lies beside a warehouse file."""

from __future__ import annotations

from pathlib import Path


def stop_file_of(warehouse: Path) -> Path:
    """While this file is there nothing is delivered."""
    return warehouse.with_name(f"{warehouse.name}.stop")


def journal_of_file(warehouse: Path) -> Path:
    """The folder of the delivery journal."""
    return warehouse.with_name(f"{warehouse.name}.journal")


def inbox_of(warehouse: Path) -> Path:
    """The folder in which events lie that a receiver took."""
    return warehouse.with_name(f"{warehouse.name}.inbox")
