"""What a table probably is: its object's name, its key, what its columns mean and what they refer to.

Constraints are believed; the rest is guessed from names and from a sample of rows, and says so, because somebody will read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.facts import Facts, Kind

_LABELS = ("name", "full_name", "title", "subject", "label", "email", "username")
_UPDATED = (
    *("updated_at", "modified_at", "last_modified_date", "system_modstamp", "modified_on", "updated_on"),
    *("last_modified", "date_modified", "write_date", "last_updated", "fivetran_synced"),
)
_DELETED = ("deleted_at", "removed_at", "deleted_on", "is_deleted", "fivetran_deleted", "deleted")
_USERS = ("owner", "user", "assignee", "assigned_to", "created_by", "account_manager")
_MOST_VALUES = 12
_ROWS_A_VALUE = 5
_ENOUGH = 20
"""From so many rows on, a first column without repetitions may be a key."""
_MONEY = re.compile(r"(^|_)(amount|price|revenue|annualrevenue|total|cost|arr|mrr|rate|score|budget|discount)(_|$)")
_TEXT_KINDS: tuple[tuple[str, Kind], ...] = (
    (r"true|false", "boolean"),
    (r"-?(0|[1-9]\d{0,17})", "integer"),
    (r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?", "number"),
    (r"\d{4}-\d\d-\d\d", "date"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d?:\d\d.*", "timestamp"),
)


@dataclass(frozen=True)
class Guessed:
    """Something with the reason to think so; None where it is known."""

    value: str
    why: str | None = None


@dataclass(frozen=True)
class Field:
    """A field of an object to be."""

    name: str
    column: str
    kind: Kind
    why: str | None = None
    values: tuple[str, ...] = ()
    values_why: str | None = None


@dataclass
class Draft:
    """An object to be."""

    object: str
    table: str
    fields: dict[str, Field]
    key: Guessed
    facts: Facts
    roles: dict[str, Guessed] = field(default_factory=dict[str, Guessed])
    relations: dict[str, Guessed] = field(default_factory=dict[str, Guessed])

    def relate(self, name: str, relation: Guessed, otherwise: str) -> None:
        """Add a relation under a name that is still free."""
        taken = {*self.fields, *self.relations}
        free = next((n for n in (name, otherwise) if n not in taken), None)
        if free is not None:
            self.relations[free] = relation


def drafts(source: str, tables: Sequence[Facts]) -> tuple[dict[str, Draft], list[str]]:
    """Objects by name, and in words what was left out."""
    made: dict[str, Draft] = {}
    left_out: list[str] = []
    for facts in tables:
        draft = _draft(source, facts)
        if draft is None:
            left_out.append(f"{source}.{facts.table}: no column is a key")
        elif draft.object in made:
            left_out.append(f"{source}.{facts.table}: `{draft.object}` is {made[draft.object].table} already")
        else:
            made[draft.object] = draft
    for draft in made.values():
        _relate(draft, made)
    return made, left_out


def snake(name: str) -> str:
    """A column's or table's name as a name of the language.

    >>> snake("AccountId"), snake("_fivetran_synced"), snake("2nd Phone"), snake("Priority__c")
    ('account_id', 'fivetran_synced', 'f_2nd_phone', 'priority_c')
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    plain = re.sub(r"[^a-z0-9]+", "_", apart).strip("_") or "field"
    return (plain if plain[0].isalpha() else f"f_{plain}")[:63]


def singular(name: str) -> str:
    """One of what a table holds.

    >>> [singular(name) for name in ("companies", "deals", "addresses", "people", "status", "boxes")]
    ['company', 'deal', 'address', 'person', 'status', 'box']
    """
    if name.endswith("people"):
        return name[:-6] + "person"
    if name.endswith("ies") and len(name) > 4:
        return name[:-3] + "y"
    if re.search(r"(ss|x|ch|sh)es$", name):
        return name[:-2]
    return name[:-1] if re.search(r"[^sui]s$", name) else name


def _draft(source: str, facts: Facts) -> Draft | None:
    object_ = singular(snake(facts.table))
    fields = _fields(facts)
    key = _key(object_, facts, fields)
    if key is None:
        return None
    draft = Draft(object_, f"{source}.{facts.table}", fields, key, facts)
    ends = (*_LABELS, f"{object_}_name")
    for role, names, kinds in (
        ("label", ends, ("text",)),
        ("updated_at", _UPDATED, ("timestamp", "date")),
        ("deleted_at", _DELETED, ("timestamp", "date", "boolean")),
    ):
        found = next((n for n in names if n in fields and fields[n].kind in kinds), None)
        if found is not None:
            draft.roles[role] = Guessed(found, "its name")
    return draft


def _fields(facts: Facts) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    for column in facts.columns:
        name = snake(column.name)
        if name in fields:
            name = next(n for n in (f"{name[:60]}_{i}" for i in range(2, 1000)) if n not in fields)
        seen = [str(row[column.name]) for row in facts.sample if row.get(column.name) not in (None, "")]
        kind, why = (column.kind, None) if column.kind is not None else _kind(name, seen)
        values, values_why = column.values, None
        if kind == "text" and not values and not name.endswith("id"):
            values = _few(seen)
            values_why = f"{len(seen)} values" if values else None
        fields[name] = Field(name, column.name, kind, why, values, values_why)
    return fields


def _kind(name: str, seen: Sequence[str]) -> tuple[Kind, str]:
    if name == "id" or name.endswith("_id"):
        return "text", "its name"
    if not seen:
        return "text", "nothing: there are no values"
    for pattern, kind in _TEXT_KINDS:
        if all(re.fullmatch(pattern, value, re.IGNORECASE) for value in seen):
            made: Kind = "number" if kind == "integer" and _MONEY.search(name) else kind
            return made, f"{len(seen)} values"
    return "text", f"{len(seen)} values"


def _few(seen: Sequence[str]) -> tuple[str, ...]:
    """The values of a column that has only a few, each of them often."""
    distinct = sorted(set(seen))
    few = 2 <= len(distinct) <= _MOST_VALUES and len(seen) >= _ROWS_A_VALUE * len(distinct)
    return tuple(distinct) if few and all(len(value) <= 40 for value in distinct) else ()


def _key(object_: str, facts: Facts, fields: Mapping[str, Field]) -> Guessed | None:
    by_column = {made.column: name for name, made in fields.items()}
    if facts.key is not None:
        return Guessed(by_column[facts.key])
    for name in ("id", f"{object_}_id", f"{snake(facts.table)}_id", f"{object_}_key", f"{object_.split('_')[-1]}_id"):
        if name in fields and _is_unique(facts.sample, fields[name].column):
            return Guessed(name, "its name")
    first = next(iter(fields.values()), None)
    if first is not None and first.name.endswith("id") and len(facts.sample) >= _ENOUGH:
        return Guessed(first.name, "its place and values") if _is_unique(facts.sample, first.column) else None
    return None


def _is_unique(sample: Sequence[Mapping[str, Any]], column: str) -> bool:
    values = [row.get(column) for row in sample]
    return None not in values and len(set(values)) == len(values)


def _relate(draft: Draft, made: Mapping[str, Draft]) -> None:
    for field_, other, why in _references(draft, made):
        if draft.fields[field_].kind != other.fields[other.key.value].kind:
            continue
        name = re.sub(r"_(id|key|uuid)$", "", field_)
        name = name if name != field_ else other.object
        relation = f"{{object: {other.object}, key: {field_}}}"
        draft.relate(name, Guessed(relation, why), f"{other.object}_by_{field_}"[:63])
        back = snake(draft.facts.table)
        turned = f"{{object: {draft.object}, on: {field_}}}"
        reason = f"{draft.object}.{field_}" if why else None
        other.relate(back, Guessed(turned, reason), f"{back}_by_{field_}"[:63])


def _references(draft: Draft, made: Mapping[str, Draft]) -> Iterator[tuple[str, Draft, str | None]]:
    """Fields that refer to another object, with the reason to think so where no constraint says it."""
    by_table = {other.facts.table: other for other in made.values()}
    for name, field_ in draft.fields.items():
        declared = by_table.get(draft.facts.references.get(field_.column, ""))
        if declared is not None:
            yield name, declared, None
        elif name != draft.key.value and (stem := re.sub(r"_(id|key|uuid)$", "", name)) != name:
            guess = _called(stem, made)
            if guess is not None:
                yield name, guess, "its name"


def _called(stem: str, made: Mapping[str, Draft]) -> Draft | None:
    """The object that a column such as `billing_account_id` or `owner_id` refers to."""
    if stem in made:
        return made[stem]
    longest = sorted((name for name in made if stem.endswith(f"_{name}")), key=len)
    if longest:
        return made[longest[-1]]
    return made.get("user") if stem in _USERS else None
