"""Dagster's entry: which project, and its definitions. Importing does nothing; `defs` is called when Dagster loads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import dagster as dg

from definitions import ProblemsFound, Project, load_project, read_folder
from pipelines.collector import collect_rarely
from pipelines.dagster.build import build_definitions

PROJECT = "DRUMBEAT_PROJECT"
"""The environment variable that names the project's folder."""


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of the project that the environment names, of the demo, or of the bundled example."""
    collect_rarely()
    root = project_root(os.environ, Path.cwd())
    return build_definitions(_project(read_folder(root)), root)


def _project(files: Mapping[str, str]) -> Project:
    """The assets follow from the catalog alone, so a workflow that does not load yet leaves the pages of Dagster up."""
    try:
        return load_project(files)
    except ProblemsFound:
        return load_project({n: text for n, text in files.items() if n.startswith(("project.yaml", "catalog/"))})


def project_root(environment: Mapping[str, str], here: Path) -> Path:
    """The folder that the environment names, else `demo` here, else the bundled example, which shows lineage only."""
    if PROJECT in environment:
        return here / environment[PROJECT]
    if (here / "demo" / "project.yaml").is_file():
        return here / "demo"
    return Path(str(resources.files("definitions") / "starter"))
