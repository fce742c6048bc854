"""Rules of the catalog: keys, roles, relations, activities and computed fields name things that are there."""

from __future__ import annotations

from collections.abc import Iterator

from definitions.catalog import CatalogObject, Relation
from definitions.checking import check_expression, check_where, circular_computed
from definitions.grammar import Scope
from definitions.places import place_of
from definitions.problems import Problem, did_you_mean
from definitions.project import Project


def catalog_hangs_together(project: Project) -> Iterator[Problem]:
    """Keys, labels, tracked fields and relations name things that are there; sources are declared."""
    for name, spec in project.catalog.objects.items():
        file = f"catalog/{name}.yaml"
        known = (*spec.fields, spec.key)
        for role in ("label", "updated_at", "deleted_at", "merged_into", "exists_from"):
            value = getattr(spec, role)
            if value is not None and value not in known:
                yield Problem(
                    place_of(project, file, role),
                    "unknown-field",
                    f"`{value}` is not a field of {name}",
                    did_you_mean(value, known),
                )
        for role, value in spec.report.roles.items():
            if value not in known:
                hint = did_you_mean(value, known)
                where = place_of(project, file, "report", role)
                yield Problem(where, "unknown-field", f"`{value}` is not a field of {name}", hint)
        for i, tracked in enumerate(spec.track):
            if tracked not in spec.fields:
                hint = did_you_mean(tracked, known)
                yield Problem(
                    place_of(project, file, "track", i), "unknown-field", f"`{tracked}` is not a field of {name}", hint
                )
        for field, known_from in ((f, s.known_from) for f, s in spec.fields.items() if s.known_from):
            moment = spec.spec(known_from)
            if moment is None or moment.type not in ("date", "timestamp"):
                where = place_of(project, file, "fields", field, "known_from")
                yield Problem(where, "unknown-field", f"`{known_from}` is not a date or timestamp field of {name}")
        yield from _source_of(project, spec.table, file, "table")
        yield from _incremental(project, file, spec)
        for relation, made in spec.relations.items():
            yield from _relation(project, file, spec, relation, made)
        yield from _activities(project, file, spec)


def _source_of(project: Project, table: str, file: str, *keys: str) -> Iterator[Problem]:
    source = table.split(".")[0]
    if source not in project.settings.sources:
        hint = did_you_mean(source, project.settings.sources) or "declare it under `sources` in project.yaml"
        yield Problem(place_of(project, file, *keys), "unknown-source", f"`{source}` is not a source", hint)


def _incremental(project: Project, file: str, spec: CatalogObject) -> Iterator[Problem]:
    """What is read by its changes has a moment that tells them, and nothing that comes true by the mere passing of time."""
    if spec.incremental is None:
        return
    where, moved = place_of(project, file, "incremental"), spec.spec(spec.updated_at) if spec.updated_at else None
    if moved is None or moved.type not in ("date", "timestamp"):
        hint = "name a date or timestamp field in `updated_at`"
        yield Problem(where, "incremental", "only an `updated_at` that is a moment can tell what changed", hint)
    later = [f for f, made in spec.fields.items() if made.known_from] or (
        [spec.exists_from] if spec.exists_from else []
    )
    if later:
        message = f"`{later[0]}` is known later than its row is read, and rows that do not change are not read again"
        yield Problem(where, "incremental", message, "read the whole table: take `incremental` out")
    if spec.incremental.tombstones is not None:
        yield from _source_of(project, spec.incremental.tombstones, file, "incremental", "tombstones")


def _activities(project: Project, file: str, spec: CatalogObject) -> Iterator[Problem]:
    """Activities have their own time, belong to one record, and outcomes have a field."""
    for kind, activity in spec.activities.items():
        at = spec.spec(activity.at)
        if at is None or at.type not in ("date", "timestamp"):
            where = place_of(project, file, "activities", kind, "at")
            hint = did_you_mean(activity.at, spec.fields)
            yield Problem(where, "unknown-field", f"`{activity.at}` is not a date or timestamp field", hint)
        if project.catalog.to_one(spec.object, (activity.of,)) is None:
            where = place_of(project, file, "activities", kind, "of")
            hint = did_you_mean(activity.of, spec.relations)
            message = f"`{activity.of}` is not a many-to-one relation of {spec.object}"
            yield Problem(where, "unknown-relation", message, hint)
        if (kind == "outcome") != (activity.outcome is not None):
            where = place_of(project, file, "activities", kind)
            yield Problem(where, "outcome", "`outcome` names the field of `outcome` activities, and of no other")
        elif activity.outcome is not None and spec.spec(activity.outcome) is None:
            where = place_of(project, file, "activities", kind, "outcome")
            hint = did_you_mean(activity.outcome, spec.fields)
            yield Problem(where, "unknown-field", f"`{activity.outcome}` is not a field of {spec.object}", hint)
        if activity.where is not None:
            yield from check_where(activity.where, project.catalog, Scope(spec.object))


def _relation(project: Project, file: str, spec: CatalogObject, name: str, made: Relation) -> Iterator[Problem]:
    where = place_of(project, file, "relations", name)
    if name in spec.fields or name in spec.computed:
        yield Problem(where, "name-taken", f"`{name}` is a field and a relation", "rename one of them")
    if made.through is not None:
        if project.catalog.walk(spec.object, (name,)) is None:
            yield Problem(where, "unknown-relation", f"the path `{made.through}` does not lead anywhere")
        return
    other = project.catalog.objects.get(str(made.object))
    if other is None:
        hint = did_you_mean(str(made.object), project.catalog.objects)
        yield Problem(where, "unknown-object", f"`{made.object}` is not an object", hint)
        return
    owner, field = (spec, made.key) if made.key is not None else (other, made.on)
    if owner.spec(str(field)) is None:
        hint = did_you_mean(str(field), owner.fields)
        yield Problem(where, "unknown-field", f"`{field}` is not a field of {owner.object}", hint)


def computed_fields_are_sound(project: Project) -> Iterator[Problem]:
    """Computed fields have types and no circles."""
    for name, spec in project.catalog.objects.items():
        for field, expression in spec.computed.items():
            if field in spec.fields:
                yield Problem(expression.span(), "name-taken", f"`{field}` is declared twice", "rename one of them")
            if circular_computed(name, field, project.catalog):
                yield Problem(expression.span(), "circular", f"the computed field `{field}` uses itself")
                continue
            yield from check_expression(expression, name, project.catalog)[1]
