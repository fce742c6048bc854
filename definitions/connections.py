"""Where rows come from, as project.yaml says: one model a kind, told apart by `kind`.

Secrets are never written here: `env:NAME` reads a variable, `file:path` a file.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from definitions.values import Model


class FileSourceSettings(Model):
    """One file a table."""

    kind: Literal["files"] = Field(description="files: one file a table")
    path: str = Field(description="the folder, from the project's root")
    format: Literal["csv", "parquet", "jsonl"] = Field(default="csv", description="csv, parquet or jsonl")


SourceSettings: TypeAlias = FileSourceSettings
