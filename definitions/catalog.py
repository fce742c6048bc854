"""The catalog: CRM objects, their fields and how they hang together.

Only what is declared here is ever loaded; a person's data that no definition needs never enters the warehouse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from definitions.conditions import Sql
from definitions.values import CalendarLasting, Duration, FixedLasting, Model, Name, Scalar, fault
from definitions.vocabulary import Type

FieldType = Literal["text", "integer", "number", "boolean", "date", "timestamp", "list"]


class FieldSpec(Model):
    """A field of an object."""

    type: FieldType = Field(description="text, integer, number, boolean, date, timestamp or list")
    values: tuple[str, ...] = Field(default=(), description="the values a text field can have")
    column: str | None = Field(default=None, description="the column's name in the table, where it is another")
    known_from: Name | None = Field(default=None, description="a date or timestamp field: null before that moment")
    before: Scalar = Field(default=None, description="the value before `known_from`, instead of null")


def _field(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


class Relation(Model):
    """A way from one object to another: many to one by `key`, one to many by `on`, or a path with `through`."""

    object: Name | None = Field(default=None, description="the related object")
    key: Name | None = Field(default=None, description="many to one: the field here that holds the other's key")
    on: Name | None = Field(default=None, description="one to many: the field there that holds this key")
    through: str | None = Field(default=None, description="a path of relations, such as `opportunities.line_items`")

    @model_validator(mode="after")
    def _one_way(self) -> Relation:
        if self.through is not None:
            if self.object or self.key or self.on:
                raise fault("relation", "`through` stands alone")
        elif self.object is None or (self.key is None) == (self.on is None):
            raise fault("relation", "a relation needs `object` and one of `key` (many to one) or `on` (one to many)")
        return self


class Activity(Model):
    """Rows of an object that are something a person did, such as an answer or a meeting."""

    at: Name = Field(description="the field with its own time")
    of: Name = Field(description="the many-to-one relation to the person or record that did it")
    where: Sql | None = Field(default=None, description="which rows")
    outcome: Name | None = Field(default=None, description="the field with the outcome, for `outcome('x')`")


class Incremental(Model):
    """How a table is read by what changed since the last snapshot."""

    overlap: CalendarLasting = Field(
        default=Duration(minutes=60, text="1 hour"), description="how far to go back, for rows that arrive late"
    )
    tombstones: str | None = Field(default=None, description="`source.table` that lists the keys of deleted records")
    tombstoned_at: str | None = Field(
        default=None, description="a column there with the moment: a record that moved later is there again"
    )

    @field_validator("tombstones")
    @classmethod
    def _dotted(cls, value: str | None) -> str | None:
        return None if value is None else _table(value)


def _table(value: str) -> str:
    if value.count(".") != 1:
        raise fault("table", f"`{value}` is not a table", "write `source.table`")
    return str(value)


class Reported(Model):
    """Fields by which reports tell records apart, as they were when a record entered a workflow."""

    owner: Name | None = Field(default=None, description="the field that says who looks after the record")
    segment: Name | None = Field(default=None, description="the field by which results are told apart")
    plan: Name | None = Field(default=None, description="the field that says what the record has bought")

    @property
    def roles(self) -> dict[str, str]:
        """The fields by what they are."""
        named = {"owner": self.owner, "segment": self.segment, "plan": self.plan}
        return {role: field for role, field in named.items() if field is not None}


class CatalogObject(Model):
    """One CRM object: where it comes from, its key, fields, relations and computed fields."""

    object: Name = Field(description="the object's name")
    table: str = Field(description="`source.table`")
    key: Name = Field(description="the field that identifies a record")
    label: Name | None = Field(default=None, description="the field people read")
    updated_at: Name | None = Field(default=None, description="a field that moves on every change")
    fresh_within: FixedLasting | None = Field(
        default=None, description="a snapshot is refused in which nothing has moved for so long, by `updated_at`"
    )
    deleted_at: Name | None = Field(
        default=None, description="soft delete: a filled or true value means the record is gone"
    )
    incremental: Incremental | None = Field(
        default=None, description="read only rows whose `updated_at` moved; without it the whole table"
    )
    fields: dict[Name, Annotated[FieldSpec, BeforeValidator(_field, json_schema_input_type=FieldType | FieldSpec)]] = (
        Field(description="fields to load, with types")
    )
    relations: dict[Name, Relation] = Field(default={}, description="ways to other objects")
    computed: dict[Name, Sql] = Field(default={}, description="fields that are expressions over others")
    track: tuple[Name, ...] = Field(default=(), description="fields whose earlier values are kept")
    send_as: Name | None = Field(
        default=None, description="a boolean field: this user lets workflows send in their name"
    )
    merged_into: Name | None = Field(
        default=None, description="a filled value means the record is gone: it was merged into the one with this key"
    )
    activities: dict[
        Literal["incoming_email", "incoming_sms", "incoming_call", "meeting_booked", "outcome"], Activity
    ] = Field(default={}, description="rows that are goals: answers, calls, meetings, outcomes")
    exists_from: Name | None = Field(default=None, description="replay: the record is not there before this date")
    timezone: Name | None = Field(default=None, description="the field that holds the record's own timezone")
    email: Name | None = Field(default=None, description="the field that holds the address for emails")
    phones: tuple[Name, ...] = Field(default=(), description="fields that hold phone numbers, in international form")
    unsubscribed: Name | None = Field(default=None, description="a true value stops emails and text messages")
    report: Reported = Field(default=Reported(), description="fields by which reports tell records apart")

    @field_validator("table")
    @classmethod
    def _dotted(cls, value: str) -> str:
        return _table(value)

    def spec(self, field: str) -> FieldSpec | None:
        """A declared field; the key may go undeclared and is text then."""
        if field == self.key and field not in self.fields:
            return FieldSpec(type="text")
        return self.fields.get(field)

    def column(self, field: str) -> str:
        """The column of the table that a field is read from."""
        spec = self.fields.get(field)
        return spec.column if spec is not None and spec.column is not None else field


@dataclass(frozen=True)
class Hop:
    """One relation walked: from an object, by its name, to an object."""

    source: str
    name: str
    target: str
    many: bool
    source_field: str
    target_field: str


@dataclass(frozen=True)
class Catalog:
    """All objects by name, with the questions that checker and compiler ask."""

    objects: Mapping[str, CatalogObject]
    types: dict[tuple[str, str], Type] = field(
        default_factory=dict[tuple[str, str], Type], init=False, compare=False, repr=False
    )
    """Types of computed fields, kept once they are found."""

    def __getitem__(self, name: str) -> CatalogObject:
        return self.objects[name]

    def __contains__(self, name: str) -> bool:
        return name in self.objects

    def walk(
        self, source: str, path: tuple[str, ...], seen: frozenset[tuple[str, str]] = frozenset()
    ) -> tuple[Hop, ...] | None:
        """The hops of a path of relation names; None where a name is unknown or `through` runs in a circle."""
        hops: list[Hop] = []
        here = source
        for name in path:
            step = self._step(here, name, seen)
            if step is None:
                return None
            hops.extend(step)
            here = step[-1].target
        return tuple(hops)

    def to_one(self, source: str, path: tuple[str, ...]) -> tuple[Hop, ...] | None:
        """The hops of a path that leads to one record at most; None where it leads nowhere, or to many."""
        hops = self.walk(source, path)
        return None if hops is None or any(hop.many for hop in hops) else hops

    def target(self, source: str, path: tuple[str, ...]) -> str | None:
        """The object that a path of relation names leads to, or None."""
        hops = self.walk(source, path)
        return hops[-1].target if hops else None

    def checked(self, source: str, path: tuple[str, ...]) -> list[Hop]:
        """The hops of a path that the checker has accepted."""
        hops = self.walk(source, path)
        assert hops, f"{source}.{'.'.join(path)} was not checked"
        return list(hops)

    def links(self, name: str) -> tuple[str, ...]:
        """The fields of an object beside its key by which relations lead from and to it."""
        own = {r.key for r in self.objects[name].relations.values() if r.key is not None}
        from_others = (r for spec in self.objects.values() for r in spec.relations.values() if r.object == name)
        own |= {r.on for r in from_others if r.on is not None}
        return tuple(sorted(own - {self.objects[name].key}))

    def _step(self, source: str, name: str, seen: frozenset[tuple[str, str]]) -> tuple[Hop, ...] | None:
        spec = self.objects[source].relations.get(name) if source in self.objects else None
        if spec is None or (source, name) in seen:
            return None
        if spec.through is not None:
            return self.walk(source, tuple(spec.through.split(".")), seen | {(source, name)})
        target = self.objects.get(str(spec.object))
        if target is None:
            return None
        if spec.key is not None:
            return (Hop(source, name, target.object, False, spec.key, target.key),)
        return (Hop(source, name, target.object, True, self.objects[source].key, str(spec.on)),)
