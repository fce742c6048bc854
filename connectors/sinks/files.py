"""Batches as files: JSON Lines for machines and people, Parquet for analysts, and a manifest.

Each file is written under a temporary name, synced and renamed; the manifest comes last, so a manifest means a whole
batch. A batch's files depend on nothing but its actions: writing it again writes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from connectors.contracts import Action, Batch, Outcome, Receipt, Traits
from definitions import EnvironmentFault


@dataclass(frozen=True)
class FileSink:
    """One folder of batches. Locations in receipts count from `root`."""

    folder: Path
    root: Path

    @property
    def traits(self) -> Traits:
        """Whole batches; writing one twice leaves what writing it once leaves."""
        return Traits(dedupes="naturally", batch_size=1_000_000)

    def write(self, batch: Batch) -> Receipt:
        """Write a batch's files and its manifest, unless they are there already."""
        lines = _json_lines(batch)
        checksum = hashlib.sha256(lines).hexdigest()
        manifest = self.folder / f"{batch.name}.manifest.json"
        location = os.path.relpath(self.folder / f"{batch.name}.jsonl", self.root)
        if manifest.is_file() and json.loads(manifest.read_bytes())["checksum"] == checksum:
            return Receipt(location, checksum, _accepted(batch))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _place(self.folder / f"{batch.name}.jsonl", lines)
            _place(self.folder / f"{batch.name}.parquet", _parquet(batch))
            _place(manifest, _manifest(batch, checksum))
        except OSError as error:
            raise EnvironmentFault("sink-unwritable", f"`{self.folder}` cannot be written: {error}") from error
        return Receipt(location, checksum, _accepted(batch))

    def ask(self, action: Action) -> Outcome | None:
        """Nobody needs to ask: writing again leaves what writing once leaves."""
        return None

    def close(self) -> None:
        """Nothing is kept open."""


def _accepted(batch: Batch) -> tuple[Outcome, ...]:
    return tuple(Outcome(action.action_id, "accepted") for action in batch.actions)


def _place(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _json_lines(batch: Batch) -> bytes:
    return "".join(json.dumps(_row(batch, action), ensure_ascii=False) + "\n" for action in batch.actions).encode()


def _row(batch: Batch, action: Action) -> dict[str, Any]:
    row = asdict(action)
    content = row.pop("content")
    return {"action_id": row.pop("action_id"), "kind": batch.kind, **row, "content": content}


def _parquet(batch: Batch) -> bytes:
    rows = [_row(batch, action) for action in batch.actions]
    frame = pl.DataFrame(
        [{**row, "content": json.dumps(row["content"], ensure_ascii=False)} for row in rows], infer_schema_length=None
    )
    buffer = BytesIO()
    frame.write_parquet(buffer, statistics=False)
    return buffer.getvalue()


def _manifest(batch: Batch, checksum: str) -> bytes:
    made = {
        "batch": batch.name,
        "kind": batch.kind,
        "evaluation_id": batch.evaluation_id,
        "as_of": batch.as_of,
        "count": len(batch.actions),
        "checksum": checksum,
        "action_ids": [action.action_id for action in batch.actions],
    }
    return (json.dumps(made, indent=1) + "\n").encode()
