"""Batches as files: JSON Lines for machines and people, Parquet for analysts, and a manifest.

Each file is written under a temporary name, synced and renamed; the manifest comes last, so a manifest means a whole
batch. A batch's files depend on nothing but its actions: writing it again writes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
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
        """Whole batches; an action that is in one of its evaluation already is not written again."""
        return Traits(dedupes="naturally", batch_size=1_000_000)

    def write(self, batch: Batch) -> Receipt:
        """Write the files and the manifest of the actions that no batch of their evaluation has yet."""
        accepted = tuple(Outcome(action.action_id, "accepted") for action in batch.actions)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            written = self._written(batch)
            left = tuple(action for action in batch.actions if action.action_id not in written)
            if left:
                self._place(replace(batch, actions=left))
            manifest = self.folder / f"{batch.name}.manifest.json"
            checksum = json.loads(manifest.read_bytes())["checksum"] if manifest.is_file() else ""
        except OSError as error:
            raise EnvironmentFault("sink-unwritable", f"`{self.folder}` cannot be written: {error}") from error
        location = os.path.relpath(self.folder / f"{batch.name}.jsonl", self.root) if checksum else ""
        return Receipt(location, checksum, accepted)

    def ask(self, action: Action) -> Outcome | None:
        """Nobody needs to ask: writing again leaves what writing once leaves."""
        return None

    def close(self) -> None:
        """Nothing is kept open."""

    def _written(self, batch: Batch) -> set[str]:
        """The actions in whole batches of this evaluation and kind. Files without a manifest are of no batch and removed."""
        keys: set[str] = set()
        for path in sorted(self.folder.glob(f"{batch.evaluation_id:06d}-{batch.kind}-*.jsonl")):
            manifest = path.with_suffix(".manifest.json")
            if not manifest.is_file():
                path.unlink()
                path.with_suffix(".parquet").unlink(missing_ok=True)
            else:
                keys.update(json.loads(manifest.read_bytes())["action_ids"])
        return keys

    def _place(self, batch: Batch) -> None:
        lines = _json_lines(batch)
        path = self.folder / f"{batch.name}.jsonl"
        _place(path, lines)
        _place(path.with_suffix(".parquet"), _parquet(batch))
        _place(path.with_suffix(".manifest.json"), _manifest(batch, hashlib.sha256(lines).hexdigest()))


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
