"""Pages -> files. The same report gives the same bytes: no clock, no chance, no order that is not asked for."""

from __future__ import annotations

import base64
import gc
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipelines.dashboard.facts import Clock, Run, WorkflowFacts
from pipelines.dashboard.listing import participants_csv
from pipelines.dashboard.overview import Overview, overview
from pipelines.dashboard.pages import source_of
from pipelines.dashboard.people import KNOWN, PeoplePage, fitting, people_of, people_pages
from pipelines.dashboard.queues import DictionaryPage, QueuesPage, dictionary_page, queues_page
from pipelines.dashboard.reading import load_report, load_runs
from pipelines.dashboard.workflow_page import WorkflowPage, with_people, workflow_page
from sql import DuckDBSession

_MARK = '<meta name="generator" content="Drumbeat">'
MOST_BYTES = 150_000
"""What a page may weigh; a phone opens it at once."""
_FILTER_BYTES, _LINK_BYTES = 1_800, 40
"""What stands around the participants of a page: heading, filter and head of the table; a link to a further page."""
_PLACE = "<!-- participants -->"
"""Where they come, in a page that was made without them."""
_READ_AT_ONCE = 10_000
"""Of so many participants what happened is in memory at a time, if one workflow has not more."""
_STYLED = ("overview", "queues", "dictionary")
"""Templates with a style of their own beside what all share."""
AnyPage = Overview | WorkflowPage | PeoplePage | QueuesPage | DictionaryPage


def build_dashboard(session: DuckDBSession, folder: Path) -> list[Path]:
    """Write `index.html`, a page for each workflow and those they link to; returns their paths, none before a report."""
    report = load_report(session)
    if report is None:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    written = [
        _write(folder / "index.html", render("overview", overview(report.clock, report.workflows, report.queues)))
    ]
    # facts of hundreds of workflows stay to the end: the collector need not look at them again for each page
    gc.freeze()
    try:
        for portion in _portions(report.workflows):
            runs = load_runs(session, [facts.headline.workflow_id for facts in portion], KNOWN)
            for facts in portion:
                written += _write_workflow(folder, report.clock, facts, runs.pop(facts.headline.workflow_id))
    finally:
        gc.unfreeze()
    written.append(_write(folder / "queues.html", render("queues", queues_page(report.clock, report.queues))))
    words = dictionary_page(report.clock, report.dictionary)
    written.append(_write(folder / "metric_dictionary.html", render("dictionary", words)))
    _forget(folder, keep=set(written))
    return written


def _portions(workflows: Iterable[WorkflowFacts]) -> Iterator[list[WorkflowFacts]]:
    """Workflows whose participants are read at once: a question for each would take longer than its answer."""
    portion, size = list[WorkflowFacts](), 0
    for facts in workflows:
        if portion and size + facts.headline.entered_count > _READ_AT_ONCE:
            yield portion
            portion, size = [], 0
        portion.append(facts)
        size += facts.headline.entered_count
    if portion:
        yield portion


def _write_workflow(folder: Path, clock: Clock, facts: WorkflowFacts, runs: Sequence[Run]) -> Iterator[Path]:
    """A workflow's page, further pages of its participants where one cannot carry them, and all of them as a list."""
    head = facts.headline
    people = people_of(runs[:KNOWN], head, facts.steps, clock.as_of.date())
    bare = workflow_page(clock, facts)
    html = render("workflow", bare)
    most = MOST_BYTES - len(html.encode()) - _FILTER_BYTES
    shown = fitting(people, most)
    sheets = () if shown == len(runs) else people_pages(source_of(clock), head, people)
    links = sheets[0].links if sheets else ()
    if links:
        weight = sum(_LINK_BYTES + len(link.file) + len(link.words) for link in links)
        shown = fitting(people, most - weight)
    page = with_people(bare, people[:shown], links)
    yield _write(folder / page.file, html.replace(_PLACE, render("participants", page)))
    for sheet in sheets:
        yield _write(folder / sheet.file, render("people", sheet))
    _write(folder / page.csv, participants_csv(runs))


def render(template: str, page: AnyPage) -> str:
    """A page as HTML. Its style and script are part of it, and all that its policy lets the browser apply and run."""
    made = _environment().get_template(f"{template}.html.j2")
    style, script = _style(template), _source("filter.js")
    hashes = {"style_hash": _hash(style), "script_hash": _hash(script)}
    return made.render(page=page, style=Markup(style), script=Markup(script), **hashes)


@cache
def _hash(source: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("pipelines.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@cache
def _style(template: str) -> str:
    """What all pages have, and what this kind of page has alone."""
    return _source("style.css") + (_source(f"{template}.css") if template in _STYLED else "")


@cache
def _source(name: str) -> str:
    """A file that becomes part of each page, without its indentation; a style without most of its blanks."""
    text = resources.files("pipelines.dashboard").joinpath(f"templates/{name}").read_text(encoding="utf-8")
    lines = "\n".join(line.strip() for line in text.splitlines())
    if not name.endswith(".css"):
        return lines
    for spaced in (" { ", " {", "; ", " }", ", "):
        lines = lines.replace(spaced, spaced.strip())
    # a colon in words that the style adds has a quote behind its blank
    return re.sub(r"(?<=\w): (?!\")", ":", lines).replace(";}", "}")


def _forget(folder: Path, *, keep: set[Path]) -> None:
    """Remove our own pages of workflows that are gone, with their lists; files of others are left alone."""
    for path in sorted(folder.glob("*.html")):
        if path not in keep and _MARK in path.read_text(encoding="utf-8", errors="replace")[:600]:
            path.unlink()
            path.with_suffix(".csv").unlink(missing_ok=True)


def _write(path: Path, content: str) -> Path:
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(content, encoding="utf-8", newline="\n")
    unfinished.replace(path)
    return path
