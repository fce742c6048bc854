"""A project: everything a folder defines, loaded and checked, and nothing that was only written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from definitions.catalog import Catalog
from definitions.communication import BlackoutCalendar, Limits
from definitions.connections import SourceSettings
from definitions.journey import Journey
from definitions.problems import Problem, did_you_mean
from definitions.results import Receiving, ResultSource
from definitions.segment import Segment
from definitions.sinks import KnownFor, SinkSettings
from definitions.slots import Cron
from definitions.source import SourceFile
from definitions.testing import WorkflowTest
from definitions.values import Duration, Memory, Model, Name, Share, Timezone, fault
from definitions.workflow import Workflow


def _days(number: int) -> Duration:
    return Duration(days=number, text=f"{number} days")


class Guards(Model):
    """What the first evaluation after an apply may cause without being asked for."""

    entries: int | None = Field(default=None, ge=0, description="entries of one workflow")
    share: Share | None = Field(default=None, description="entries of one workflow, of all records of its object")
    per_owner: int | None = Field(default=None, ge=0, description="actions for one user")
    per_recipient: int | None = Field(default=None, ge=0, description="messages to one recipient")


class Expires(Model):
    """How late a message may be. Other actions never expire."""

    email: KnownFor = Field(default=_days(3), description="emails, such as `3 days`, or `never`")
    notify: KnownFor = Field(default=_days(3), description="notes to a channel")
    sms: KnownFor = Field(default=_days(1), description="text messages")


class Evaluating(Model):
    """How evaluations are worked out. Results never depend on it."""

    execution: Literal["auto", "sql", "bitmaps"] = Field(
        default="auto", description="how conditions are judged: in SQL, or as bits, which is faster for many records"
    )
    increments: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="judge only what may differ from the last evaluation; `auto`: where there are many records",
    )


class Roles(Model):
    """Who may do what, by the names that the command line knows people by. Nobody named: everybody may."""

    apply: tuple[str, ...] = Field(default=(), description="who may make definitions live")
    order: tuple[str, ...] = Field(default=(), description="who may give orders, such as pause or approve")


class ProjectSettings(Model):
    """project.yaml."""

    name: Name = Field(description="the project's name")
    timezone: Timezone = Field(default="UTC", description="decides what today is and how calendar steps count")
    warehouse: str = Field(default="warehouse.duckdb", description="the warehouse, from the project's root")
    memory: Memory | None = Field(
        default=None,
        description="what the engine may take, such as `2 GB`; the rest goes to disk. Most of it without it",
    )
    seed: str = Field(
        default="drumbeat", description="part of every hash that decides by chance; never change it once live"
    )
    schedule: Cron = Field(default="0 * * * *", description="when evaluations run, as cron in UTC")
    delivery_schedule: Cron | None = Field(
        default=None,
        description="when deliveries run between them; every 15 minutes without it, where a workflow sends messages",
    )
    sources: dict[Name, SourceSettings] = Field(default={}, description="where CRM tables come from")
    sinks: dict[Name, SinkSettings] = Field(default={}, description="where actions go")
    routes: dict[str, Name] = Field(
        default={}, description="which sink takes which kind of action; `default` takes the rest"
    )
    results: tuple[ResultSource, ...] = Field(default=(), description="tables and folders of what came back")
    receiver: Receiving = Field(default=Receiving(), description="who may send events to `drumbeat receive`")
    evaluation: Evaluating = Field(default=Evaluating(), description="how evaluations are worked out")
    guards: Guards = Field(default=Guards(), description="what an apply may cause without `--accept`")
    roles: Roles = Field(default=Roles(), description="who may do what")
    limits: Limits = Field(default=Limits(), description="limits over all workflows together")
    expires: Expires = Field(default=Expires(), description="how late messages may be; after that they are dropped")

    @field_validator("results")
    @classmethod
    def _from_sources(cls, value: tuple[ResultSource, ...], info: ValidationInfo) -> tuple[ResultSource, ...]:
        sources: dict[str, SourceSettings] = info.data.get("sources", {})
        for listed in value:
            if listed.source is not None and listed.source not in sources:
                hint = did_you_mean(listed.source, sources)
                raise fault("unknown-source", f"`{listed.source}` is not a source", hint)
        return value

    @field_validator("sources")
    @classmethod
    def _not_our_own(cls, value: dict[str, SourceSettings], others: ValidationInfo) -> dict[str, SourceSettings]:
        for name, source in value.items():
            if source.kind == "warehouse" and PurePath(source.path) == PurePath(others.data.get("warehouse", "")):
                raise fault("same-file", f"`{name}` is our own warehouse", "land its tables in a file of their own")
        return value


@dataclass(frozen=True, eq=False)
class Project:
    """All definitions of a folder. `files` is the text they were read from, by path: what an apply makes live.

    Tests are no part of it: a test that changes does not change what is live.
    """

    settings: ProjectSettings
    catalog: Catalog
    segments: Mapping[str, Segment]
    workflows: Mapping[str, Workflow]
    journeys: Mapping[str, Journey]
    messages: Mapping[str, str]
    files: Mapping[str, str]
    sources: Mapping[str, SourceFile] = field(repr=False, compare=False, default_factory=dict[str, SourceFile])
    tests: Mapping[str, WorkflowTest] = field(repr=False, compare=False, default_factory=dict[str, WorkflowTest])
    warnings: tuple[Problem, ...] = ()
    calendars: Mapping[str, BlackoutCalendar] = field(default_factory=dict[str, BlackoutCalendar])
