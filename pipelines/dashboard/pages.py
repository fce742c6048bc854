"""What pages share: what they say about their data, and the names of their files."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from pipelines.dashboard.facts import Clock
from pipelines.dashboard.wording import moment, number, title

_TAKEN = ("index", "queues", "metric_dictionary")
_FILE = re.compile(r"[a-z0-9_]{1,63}\Z")


@dataclass(frozen=True)
class Source:
    """What every page says about its data."""

    project: str
    as_of: str
    evaluation: str
    freshness: str


def page_file(workflow: str) -> str:
    """The file of a workflow's page. A name that no file may have becomes one that no workflow can have.

    >>> page_file("renewal"), page_file("index"), page_file("../x")
    ('renewal.html', 'index-workflow.html', 'x-c5af1e90.html')
    """
    return f"{stem_of(workflow)}.html"


def stem_of(workflow: str) -> str:
    """The file's name without its ending; names of other pages of the report are taken."""
    if _FILE.match(workflow):
        return f"{workflow}-workflow" if workflow in _TAKEN else workflow
    plain = re.sub(r"[^a-z0-9]+", "-", workflow.lower()).strip("-")[:40]
    return f"{plain}-{hashlib.md5(workflow.encode()).hexdigest()[:8]}"


def source_of(clock: Clock) -> Source:
    """The line about the data. Data is fresh while the evaluation has read it at its own instant."""
    as_of = f"{moment(clock.as_of)} ({clock.timezone})"
    old = clock.source_at is not None and clock.source_at < clock.as_of
    read = f"CRM read {moment(clock.source_at)}" if old and clock.source_at else "fresh"
    return Source(title(clock.project), as_of, f"evaluation {number(clock.evaluation_id)}", read)
