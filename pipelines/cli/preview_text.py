"""A preview as text: the entry condition in the shape of its tree with its counts, then who enters and who does not."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from pipelines.cli.layout import columns, shortened
from pipelines.cli.sentences import instant, plainly
from pipelines.inspection import Counted
from pipelines.previewing import FIRST, Outcome, Preview

WORDS = {"all": "all of", "any": "any of", "none": "none of"}
KEPT = {"already_inside": "are inside since an earlier spell"}


def preview_lines(preview: Preview, zone: ZoneInfo) -> Iterator[str]:
    """Every line of a preview."""
    yield f"{preview.workflow}: who would enter on {instant(preview.as_of, zone)}, over the snapshot of {instant(preview.snapshot_as_of, zone)}"
    entry = preview.entry
    rows = [("", "true", "false", "unknown"), *_rows(entry, 0)]
    yield from columns(rows, frozenset([1, 2, 3]))
    yield "  unknown counts as false at the edge of its leaf"
    yield ""
    if preview.outcome is not None:
        yield from _outcome(preview.outcome, entry.true, preview.object)


def _rows(part: Counted, depth: int) -> Iterator[tuple[str, str, str, str]]:
    words = WORDS.get(part.kind) or part.text
    text = shortened("  " * depth + words, 90) if depth else f"the whole condition: {words}"
    yield text, str(part.true), str(part.false), str(part.unknown)
    for inner in part.parts:
        yield from _rows(inner, depth + 1)


def _outcome(outcome: Outcome, qualifying: int, object_: str) -> Iterator[str]:
    held_out = f", {outcome.held_out} of them held out" if outcome.held_out else ""
    yield f"{qualifying} {object_} records qualify"
    rows = [(f"{outcome.entered}", f"would enter{held_out}{_first(outcome)}")]
    if outcome.rowless:
        rows.append((f"{outcome.rowless}", "have no related row that `each` takes"))
    if outcome.inside:
        rows.append((f"{outcome.inside}", "are inside since this spell of qualifying"))
    for kept in outcome.refused:
        more = ", …" if kept.count > len(kept.first) else ""
        rows.append(
            (
                f"{kept.count}",
                f"{KEPT.get(kept.reason, plainly(kept.reason))}: {', '.join(r.text for r in kept.first)}{more}",
            )
        )
    yield from columns(rows, frozenset([0]))


def _first(outcome: Outcome) -> str:
    if not outcome.first:
        return ""
    more = ", …" if outcome.entered > FIRST else ""
    return f": {', '.join(record.text for record in outcome.first)}{more}"
