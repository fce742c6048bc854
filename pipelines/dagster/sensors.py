"""The sensor of the definitions: notes each new state of the folder, with its digest and its problems.

It asks for no run, since making a folder live is a human act. It never opens the warehouse, which would keep writers
out. Its cursor is the digest it saw last: lost or renamed, it notes the present state once more and no harm is done.
"""

# dagster names `PathLike` without its argument in these signatures
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from definitions import ProblemsFound, UserError, load_project, read_folder
from pipelines.apply import fingerprint_of
from pipelines.dagster.keys import FOLDER

MOST_CHARACTERS = 4_000


def build_definitions_changed(root: Path) -> dg.SensorDefinition:
    """The sensor of one folder. It reads a few files a minute, and is on by itself."""

    @dg.sensor(
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Notes changes of the definition files. To make them live is `drumbeat apply`, by a human.",
    )
    def definitions_changed(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            files = read_folder(root)
        except UserError as error:
            return dg.SkipReason(str(error))
        seen = fingerprint_of(files)
        if seen == context.cursor:
            return dg.SkipReason("the definitions are unchanged")
        words = "the definitions changed" if context.cursor else "the definitions are seen for the first time"
        return dg.SensorResult(skip_reason=words, cursor=seen, asset_events=[observe(files, seen)])

    return definitions_changed


def observe(files: Mapping[str, str], seen: str) -> dg.AssetObservation:
    """What the folder holds: its digest, how many workflows, and the problems that keep it from going live."""
    workflows = sum(name.startswith("workflows/") for name in files)
    problems = _problems(files)
    return dg.AssetObservation(
        FOLDER,
        metadata={"digest": seen, "workflows": workflows, "valid": not problems, "problems": problems or "none"},
        tags={"dagster/data_version": seen},
    )


def _problems(files: Mapping[str, str]) -> str:
    try:
        load_project(files)
    except ProblemsFound as error:
        return str(error)[:MOST_CHARACTERS]
    return ""
