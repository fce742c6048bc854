"""Which records may be judged otherwise than at the last evaluation: the only ones that an increment looks at.

A record is affected when its own row changed, when a row that its conditions read came, changed, went or moved (from the old
parent as to the new one), when a comparison with the clock crossed its boundary, and when something happened to it in a
workflow (`sql/evaluation/04_affected.sql`). What is left out is as it was, and nothing is done about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlglot import exp

from definitions.catalog import Catalog
from definitions.conditions import DIALECT
from sql.aggregates import cast_to
from sql.names import EPISODES, changes_table, history_table, link_before, quoted, record_table
from sql.places import column
from sql.statements import Statement, load_statements
from sql.truths.joining import aliased, follow
from sql.truths.plan import TruthPlan
from sql.truths.reach import Crossing, Path, Reach, reach_of
from sql.truths.rows import each_reach


def affected_statements(plan: TruthPlan, stage: str) -> Iterator[Statement]:
    """Collects the affected records; in a full evaluation everybody is."""
    fixed = {s.name: s for s in load_statements("evaluation") if s.stage == "04_affected"}
    if not plan.is_increment:
        yield from (fixed["everyone"], fixed["watched"])
        return
    yield fixed["reached"]
    reaches = {name: reach_of_object(plan, name) for name in sorted(plan.objects)}
    catalog = plan.project.catalog
    changed = {path[-1].target for reach in reaches.values() for path in reach.paths.values()} | set(reaches)
    for name in sorted(target for target in changed if "@" not in target):
        yield _touched(catalog, name, stage)
    for name, reach in reaches.items():
        parts = list(_reached(catalog, name, reach))
        sql = "INSERT INTO reached\n" + "\nUNION ALL\n".join(parts)
        yield Statement(stage, f"reached_{name}", _sentence(name, reach), sql)
    personal = sorted({workflow for workflows in plan.askers.values() for workflow in workflows})
    if personal:
        listed = ", ".join(f"'{name}'" for name in personal)
        sql = (
            "INSERT INTO reached\nSELECT p.object, p.record\nFROM watched_participants AS w\n"
            f"JOIN state.open_participants AS p ON p.participant_id = w.participant_id\nWHERE p.workflow IN ({listed})"
        )
        sentence = "Participants of workflows that ask about participants: these are always asked."
        yield Statement(stage, "reached_personally", sentence, sql, ("watched_participants",))
    yield from (fixed["affected"], fixed["watched"])


def reach_of_object(plan: TruthPlan, name: str) -> Reach:
    """What the truths of an object depend on, and which related rows are participants of their own."""
    reach = reach_of(plan.objects[name])
    for each in plan.objects[name].each.values():
        each_reach(plan, name, each, reach)
    return reach


def _sentence(name: str, reach: Reach) -> str:
    if reach.everyone:
        return f"Every {name} record: a comparison with the clock has no boundary, {sorted(reach.everyone)[0]}."
    return f"The {name} records whose conditions may have become true or false."


def _touched(catalog: Catalog, name: str, stage: str) -> Statement:
    """Changed rows as they are and as they were, with what leads to them."""
    key, links = quoted(catalog[name].key), catalog.links(name)
    now, before = [quoted(n) for n in links], [f"{link_before(n)} AS {quoted(n)}" for n in links]
    changes = changes_table(name)
    sql = (
        f"CREATE OR REPLACE TEMP TABLE touched_{name} AS\n"
        f"SELECT {', '.join((key, *now))} FROM {record_table(name)} WHERE _last_changed > $previous_snapshot\n"
        f"UNION\nSELECT {', '.join((key, *before))} FROM {changes} WHERE kind <> 'created' AND $has_changes"
    )
    return Statement(
        stage, f"touched_{name}", f"The {name} rows that changed, as they are and as they were.", sql, (changes,)
    )


def _reached(catalog: Catalog, name: str, reach: Reach) -> Iterator[str]:
    key = quoted(catalog[name].key)
    own = f"SELECT '{name}' AS object, CAST({key} AS VARCHAR) AS record FROM"
    if reach.everyone:
        yield f"{own} {record_table(name)}"
        yield f"{own} touched_{name}"
        return
    yield f"{own} touched_{name}"
    if reach.by_day:
        yield f"{own} {record_table(name)} WHERE $is_new_day"
    if reach.looks_back:
        yield (
            f"{own} {record_table(name)} WHERE _last_changed > COALESCE($snapshot_before, TIMESTAMPTZ '-infinity') "
            "AND _last_changed <= $previous_snapshot"
        )
    for path in reach.paths.values():
        if "@" not in path[-1].target:
            yield _walked_back(catalog, name, path, f"touched_{path[-1].target}")
    # the rows of a table are read once for all that is compared with the same side
    for alike in _grouped(reach.crossings.values()):
        yield _crossed(catalog, name, alike) if alike[0].held is None else _outlasted(alike)


def _grouped(crossings: Iterable[Crossing]) -> Iterable[list[Crossing]]:
    """Crossings that are found in one pass: of one side of one path's rows, or of spells."""
    found: dict[object, list[Crossing]] = {}
    for crossing in crossings:
        place = None if crossing.held is not None else (crossing.path, crossing.alias, crossing.side)
        found.setdefault(place, []).append(crossing)
    return found.values()


def _walked_back(catalog: Catalog, name: str, path: Path, last: str, alias: str = "x", *where: exp.Expr) -> str:
    """The records from which a path leads to rows of a table."""
    aliases = [*(f"x{i}" for i in range(len(path))), alias]
    first = (
        1 if path[0].source_field == catalog[name].key else 0
    )  # the record itself tells no more than who leads to it
    who = column(path[0].target_field, aliases[1]) if first else column(catalog[name].key, aliases[0])
    query = exp.select(exp.alias_(exp.Literal.string(name), "object"), exp.alias_(cast_to(who, "VARCHAR"), "record"))
    tables = [record_table(name), *(record_table(hop.target) for hop in path[:-1]), last]
    sources = [_source(*named) for named in zip(tables, aliases, strict=True)]
    follow(query, path, aliases, sources, catalog, first)
    return query.where(*where, copy=False).sql(dialect=DIALECT)


def _source(table: str, alias: str) -> exp.Expr:
    if table.endswith("@changes"):
        inner = exp.select("*", "valid_from AS changed_at").from_(history_table(table.removesuffix("@changes")))
        return inner.subquery(alias)
    return aliased(history_table(table.removesuffix("@history")) if table.endswith("@history") else table, alias)


def _crossed(catalog: Catalog, name: str, alike: Sequence[Crossing]) -> str:
    """Records with a row whose side of a comparison lies between what the clock said then and says now."""
    crossing, between = alike[0], exp.or_(*map(_between, alike))
    if not crossing.path:
        key = cast_to(column(catalog[name].key, crossing.alias), "VARCHAR")
        query = exp.select(exp.alias_(exp.Literal.string(name), "object"), exp.alias_(key, "record"))
        return query.from_(aliased(record_table(name), crossing.alias)).where(between).sql(dialect=DIALECT)
    target = crossing.path[-1].target
    last = target if "@" in target else record_table(target)
    return _walked_back(catalog, name, crossing.path, last, crossing.alias, between)


def _between(crossing: Crossing) -> exp.Expr:
    """Does a side of a comparison lie between what the clock said then and says now."""
    then = crossing.bound.copy()
    for placeholder in list(then.find_all(exp.Placeholder)):
        placeholder.set("this", "previous_as_of")
    # where clocks go back, an hour later may be an hour before
    low, high = (made(this=then.copy(), expressions=[crossing.bound.copy()]) for made in (exp.Least, exp.Greatest))
    return exp.Between(this=crossing.side.copy(), low=low, high=high)


def _outlasted(held: Sequence[Crossing]) -> str:
    """Records with an open spell that has just lasted so long."""
    subjects = sorted({f"held:{crossing.held}" for crossing in held})
    lasted = (exp.column("subject").eq(f"held:{c.held}").and_(_between(c).transform(_unnamed)) for c in held)
    is_open = exp.Is(this=exp.column("matched_to"), expression=exp.null())
    query = exp.select("object", "record").from_(EPISODES)
    return query.where(exp.column("subject").isin(*subjects), is_open, exp.or_(*lasted)).sql(dialect=DIALECT)


def _unnamed(node: exp.Expr) -> exp.Expr:
    """A column without its table's alias."""
    return exp.column(node.this) if isinstance(node, exp.Column) else node
