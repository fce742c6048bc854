"""Functions about what a record was: changes, earlier values, coming and being updated.

A record's history is a relation like others: `history` are its spells, `changes` its spells that follow upon another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp

from definitions.catalog import Hop
from definitions.conditions import DIALECT
from definitions.grammar import Call, parts_of
from sql.aggregates import Aggregate, cast_to, reference
from sql.places import RECORD, RELATED, ROOT, Needs, Place, as_of, both, column, reading_root


def _of_history(place: Place, kind: str, made: Callable[[Place], Aggregate]) -> exp.Expr:
    """An aggregate over history. What it compares with is read from the record itself, as the group's root."""
    needs = place.needs
    key = needs.catalog[needs.object].key
    hop = Hop(needs.object, kind, f"{needs.object}@{kind}", True, key, key)
    group = needs.aggregates.group(needs.object, (f"({kind})",), (hop,), place.layer)
    alias = f"{place.here}__{group.name}"
    place.groups.setdefault(alias, (place.here, group))
    root = replace(
        place, here=ROOT, joins=group.joins, groups=group.groups, root_used=group.root_used, layer=place.layer + 1
    )
    return reference(made(root), group, alias)


def _spell(name: str) -> exp.Expr:
    return column(name, RELATED)


def _key(place: Place) -> exp.Expr:
    return column(place.needs.catalog[place.needs.object].key, RELATED)


def _since(call: Call) -> exp.Expr | None:
    """The beginning of the look-back; None without `within`."""
    within = call.named.get("within")
    return None if within is None else exp.paren(exp.Sub(this=as_of(), expression=within.copy()), copy=False)


def _change_within(
    call: Call, place: Place, since: exp.Expr, test: Callable[[exp.Expr, exp.Expr, Place], list[exp.Expr]]
) -> exp.Expr:
    """There is a change of the field after `since` that passes a test of (value after, value before)."""
    name = parts_of(call.args[0])[-1]
    place.needs.changed.add(name)
    now, before = _spell(name), _spell(f"{name}_before")

    def made(root: Place) -> Aggregate:
        parts = [exp.GT(this=_spell("changed_at"), expression=since), exp.NullSafeNEQ(this=now, expression=before)]
        return Aggregate("bool_or", argument=both(*parts, *test(now, before, root)), key=_key(place))

    return _of_history(place, "changes", made)


def _changed(call: Call, place: Place) -> exp.Expr:
    wanted: dict[str, exp.Expr] = {k: v for k, v in call.named.items() if k != "within"}
    if call.name != "changed":
        wanted["to" if call.name == "changed_to" else "from"] = call.args[1]
    since = _since(call)

    def test(now: exp.Expr, before: exp.Expr, at: Place) -> list[exp.Expr]:
        sides = {"to": now, "from": before}
        return [
            exp.EQ(this=sides[k].copy(), expression=reading_root(v, at))
            for k, v in sorted(wanted.items(), reverse=True)
        ]

    if since is not None:
        return _change_within(call, place, since, test)
    now, before = _now_and_before(call, place)
    there = _previous_is_null(place.needs, False)
    return both(there, exp.NullSafeNEQ(this=now, expression=before), *test(now, before, place))


def _now_and_before(call: Call, place: Place) -> tuple[exp.Expr, exp.Expr]:
    """The field now and at the previous evaluation."""
    name = parts_of(call.args[0])[-1]
    place.needs.flags.add("previous")
    place.needs.previous.add(name)
    return column(name, RECORD), column(name, "previous")


def _crossed(call: Call, place: Place) -> exp.Expr:
    above = call.name == "crossed_above"
    after, prior = (exp.GT, exp.LTE) if above else (exp.LT, exp.GTE)
    since = _since(call)

    def test(now: exp.Expr, before: exp.Expr, at: Place) -> list[exp.Expr]:
        line = reading_root(call.args[1], at)
        return [prior(this=before.copy(), expression=line), after(this=now.copy(), expression=line.copy())]

    if since is not None:
        return _change_within(call, place, since, test)
    now, before = _now_and_before(call, place)
    return both(*test(now, before, place))


def _moved(call: Call, place: Place) -> exp.Expr:
    """At least so much more (or less) than at the previous evaluation, or than at the start of the look-back."""
    since = _since(call)
    if since is None:
        now, before = _now_and_before(call, place)
    else:
        now, before = place.compile(call.args[0]), _oldest_since(call.args[0], since, place)
    more = exp.Sub(this=now, expression=before) if call.name == "increased_by" else exp.Sub(this=before, expression=now)
    by = call.args[1]
    if isinstance(by, exp.Literal) and by.is_string:
        # a percentage of nothing is unknown
        base = exp.func(
            "NULLIF", exp.func("ABS", before.copy(), dialect=DIALECT), exp.Literal.number(0), dialect=DIALECT
        )
        share = exp.Literal.number(str(float(by.name.rstrip("%")) / 100))
        least: exp.Expr = exp.Mul(this=base, expression=share)
    else:
        least = exp.paren(place.compile(by), copy=False)
    # to six decimals, as sums: 3.3 is a tenth more than 3
    beyond = exp.Sub(this=exp.paren(more, copy=False), expression=least)
    rounded = exp.func("ROUND", beyond, exp.Literal.number(6), dialect=DIALECT)
    return both(exp.GTE(this=rounded, expression=exp.Literal.number(0)))


def _as_at(node: exp.Expr, moment: Callable[[Place], exp.Expr], place: Place) -> exp.Expr:
    """The value of a tracked field at an instant."""

    def made(root: Place) -> Aggregate:
        when, name = moment(root), parts_of(node)[-1]
        field = exp.Literal.string(f"{place.needs.object}.{name}")
        known = exp.func("KNOWN_FROM", exp.Placeholder(this="tracked_later"), field, dialect=DIALECT)
        since = exp.Greatest(this=_spell("valid_from"), expressions=[known])
        where = both(exp.LTE(this=since, expression=when), _lasts_after(when))
        return Aggregate("max", argument=_spell(name), key=_key(place), where=where)

    return _of_history(place, "history", made)


def _oldest_since(node: exp.Expr, since: exp.Expr, place: Place) -> exp.Expr:
    """The value of a tracked field at an instant, or the first one known after it."""

    def made(_: Place) -> Aggregate:
        order = ((_spell("valid_from"), False),)
        return Aggregate(
            "first", argument=_spell(parts_of(node)[-1]), key=_key(place), where=_lasts_after(since), order=order
        )

    return _of_history(place, "history", made)


def _lasts_after(moment: exp.Expr) -> exp.Expr:
    ended = exp.column("valid_to", table=RELATED)
    later = exp.GT(this=ended.copy(), expression=moment.copy())
    return exp.paren(exp.or_(exp.Is(this=ended, expression=exp.null()), later, copy=False), copy=False)


def _value_at(call: Call, place: Place) -> exp.Expr:
    return _as_at(call.args[0], lambda root: cast_to(reading_root(call.args[1], root), "TIMESTAMPTZ"), place)


def _was_ever(call: Call, place: Place) -> exp.Expr:
    name, since = parts_of(call.args[0])[-1], _since(call)

    def made(root: Place) -> Aggregate:
        same: exp.Expr = exp.EQ(this=_spell(name), expression=reading_root(call.args[1], root))
        if since is not None:
            same = both(same, _lasts_after(since))
        return Aggregate("bool_or", argument=same, key=_key(place))

    return _of_history(place, "history", made)


def _previous(call: Call, place: Place) -> exp.Expr:
    name = parts_of(call.args[0])[-1]
    place.needs.changed.add(name)

    def made(_: Place) -> Aggregate:
        before = _spell(f"{name}_before")
        where = exp.NullSafeNEQ(this=_spell(name), expression=before.copy())
        return Aggregate("first", argument=before, key=_key(place), where=where, order=((_spell("changed_at"), True),))

    return _of_history(place, "changes", made)


def _created(call: Call, place: Place) -> exp.Expr:
    """First seen after the look-back began, and not by the first snapshot of all, which creates nothing."""
    seen = column("_first_seen", RECORD)
    since = _since(call)
    if since is None:
        place.needs.flags.add("previous")
        return both(_previous_is_null(place.needs, True), _has_previous())
    first = cast_to(exp.Placeholder(this="first_snapshot"), "TIMESTAMPTZ")
    return both(exp.GT(this=seen, expression=since), exp.GT(this=seen.copy(), expression=first))


def _updated(call: Call, place: Place) -> exp.Expr:
    """Changed after the look-back began, which is the previous evaluation's snapshot; coming is not changing."""
    since = _since(call) or cast_to(exp.Placeholder(this="previous_snapshot"), "TIMESTAMPTZ")
    changed = column("_last_changed", RECORD)
    return both(
        exp.GT(this=changed, expression=since),
        exp.GT(this=changed.copy(), expression=column("_first_seen", RECORD)),
    )


def _has_previous() -> exp.Expr:
    """There was an evaluation before: the first snapshot changes nothing."""
    instant = cast_to(exp.Placeholder(this="previous_snapshot"), "TIMESTAMPTZ")
    return exp.not_(exp.Is(this=instant, expression=exp.null()), copy=False)


def _previous_is_null(needs: Needs, wanted: bool) -> exp.Expr:
    key = column(needs.catalog[needs.object].key, "previous")
    missing = exp.Is(this=key, expression=exp.null())
    return missing if wanted else exp.not_(missing, copy=False)


HISTORY: dict[str, Callable[[Call, Place], exp.Expr]] = {
    "changed": _changed,
    "changed_to": _changed,
    "changed_from": _changed,
    "crossed_above": _crossed,
    "crossed_below": _crossed,
    "increased_by": _moved,
    "decreased_by": _moved,
    "value_at": _value_at,
    "was_ever": _was_ever,
    "previous": _previous,
    "created": _created,
    "updated": _updated,
}
