"""Pages -> files. The same warehouse gives the same bytes: no clock, no chance, no order that is not asked for."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipelines.dashboard.facts import load_facts
from pipelines.dashboard.overview import Overview, overview
from pipelines.dashboard.workflow_page import WorkflowPage, workflow_page
from sql import DuckDBSession

_MARK = '<meta name="generator" content="Drumbeat">'


def build_dashboard(session: DuckDBSession, folder: Path) -> list[Path]:
    """Write `index.html` and a page for each workflow; returns their paths, none before the first report."""
    found = load_facts(session)
    if found is None:
        return []
    clock, workflows = found
    first = overview(clock, workflows)
    pages = [workflow_page(clock, facts) for facts in workflows]
    folder.mkdir(parents=True, exist_ok=True)
    written = [_write(folder / "index.html", render("overview", first))]
    written += [_write(folder / page.file, render("workflow", page)) for page in pages]
    _forget(folder, keep=written)
    return written


def render(template: str, page: Overview | WorkflowPage) -> str:
    """A page as HTML. Its style is part of it, and the only thing that its policy lets the browser apply."""
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    made = _environment().get_template(f"{template}.html.j2")
    return made.render(page=page, style=Markup(style), style_hash=f"sha256-{digest}")


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
def _style() -> str:
    """The style sheet without its indentation."""
    source = resources.files("pipelines.dashboard").joinpath("templates/style.css").read_text(encoding="utf-8")
    return "\n".join(line.strip() for line in source.splitlines())


def _forget(folder: Path, *, keep: list[Path]) -> None:
    """Remove our own pages of workflows that are gone; files of others are left alone."""
    for path in sorted(folder.glob("*.html")):
        if path not in keep and _MARK in path.read_text(encoding="utf-8", errors="replace")[:600]:
            path.unlink()


def _write(path: Path, html: str) -> Path:
    unfinished = path.with_suffix(".html.unfinished")
    unfinished.write_text(html, encoding="utf-8", newline="\n")
    unfinished.replace(path)
    return path
