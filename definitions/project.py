"""A project: everything a folder defines, loaded and checked, and nothing that was only written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from definitions.catalog import Catalog
from definitions.communication import BlackoutCalendar, Limits
from definitions.problems import Problem
from definitions.segment import Segment
from definitions.source import SourceFile
from definitions.values import Model, Name, Timezone
from definitions.workflow import Workflow


class SourceSettings(Model):
    """Where CRM tables come from."""

    kind: Literal["files"] = Field(description="files: one file a table")
    path: str = Field(description="the folder, from the project's root")
    format: Literal["csv", "parquet", "jsonl"] = Field(default="csv", description="csv, parquet or jsonl")


class SinkSettings(Model):
    """Where actions go."""

    kind: Literal["files"] = Field(description="files: one batch a kind and evaluation")
    path: str = Field(description="the folder, from the project's root")


class ProjectSettings(Model):
    """project.yaml."""

    name: Name = Field(description="the project's name")
    timezone: Timezone = Field(default="UTC", description="decides what today is and how calendar steps count")
    warehouse: str = Field(default="warehouse.duckdb", description="the warehouse, from the project's root")
    seed: str = Field(
        default="drumbeat", description="part of every hash that decides by chance; never change it once live"
    )
    schedule: str = Field(default="0 * * * *", description="when evaluations run, as cron in UTC")
    sources: dict[Name, SourceSettings] = Field(default={}, description="where CRM tables come from")
    sinks: dict[Name, SinkSettings] = Field(default={}, description="where actions go")
    routes: dict[str, Name] = Field(
        default={}, description="which sink takes which kind of action; `default` takes the rest"
    )
    limits: Limits = Field(default=Limits(), description="limits over all workflows together")


@dataclass(frozen=True)
class Project:
    """All definitions of a folder. `files` is the text they were read from, by path."""

    settings: ProjectSettings
    catalog: Catalog
    segments: Mapping[str, Segment]
    workflows: Mapping[str, Workflow]
    messages: Mapping[str, str]
    files: Mapping[str, str]
    sources: Mapping[str, SourceFile] = field(repr=False, compare=False, default_factory=dict[str, SourceFile])
    warnings: tuple[Problem, ...] = ()
    calendars: Mapping[str, BlackoutCalendar] = field(default_factory=dict[str, BlackoutCalendar])
