"""Random conditions: a grammar whose leaves ask on the very edges on which the rows stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from support.soak.catalogs import NUMBERS, TEXTS, Objects

COMPARE = ("=", "<>", "<", "<=", ">", ">=")
RESULTS: dict[str, tuple[str, ...]] = {
    "task": ("completed",),
    "call": ("completed", "dropped"),
    "email": ("opened", "clicked", "replied", "delivered", "bounced", "dropped", "unsubscribed"),
    "sms": ("clicked", "replied", "delivered", "bounced", "dropped", "unsubscribed"),
}


@dataclass(frozen=True)
class Passed:
    """An action step that lies before a place: its results may be asked for there."""

    id: str
    kind: str
    approval: bool


@dataclass(frozen=True)
class Scope:
    """What a condition may ask about: an object, and what there is beside it."""

    rng: Random
    objects: Objects
    object: str
    segments: tuple[str, ...] = ()
    journeys: tuple[tuple[str, tuple[str, ...]], ...] = ()
    workflows: tuple[str, ...] = ()
    passed: tuple[Passed, ...] = ()
    inside: bool = False
    history: bool = True
    related: bool = True
    computed: tuple[str, ...] = ()
    durations: bool = False

    def fields(self, *types: str) -> list[str]:
        """The object's fields of some types."""
        return [name for name, type_ in self.objects.fields(self.object).items() if type_ in types]

    def flat(self, object_: str) -> Scope:
        """The surroundings inside an aggregate: another object's fields and nothing else."""
        return replace(
            self,
            object=object_,
            segments=(),
            journeys=(),
            workflows=(),
            inside=False,
            history=False,
            related=False,
            computed=(),
        )


def draw_condition(scope: Scope, depth: int = 2) -> Any:
    """A leaf, a list, or a group of conditions."""
    rng = scope.rng
    if depth == 0 or rng.random() < 0.55:
        return draw_leaf(scope)
    parts = [draw_condition(scope, depth - 1) for _ in range(rng.choice([1, 2, 2, 3]))]
    return rng.choice([parts, {"any": parts}, {"all": parts}, {"none": parts[:2]}, {"any": parts}])


def draw_leaf(scope: Scope, joined: bool = True) -> str:
    """One SQL condition."""
    rng = scope.rng
    if joined and rng.random() < 0.2:
        left, right = draw_leaf(scope, False), draw_leaf(scope, False)
        return rng.choice([f"({left}) and ({right})", f"({left}) or ({right})", f"not ({left}) or ({right})"])
    kinds: list[tuple[Callable[[Scope], str | None], int]] = [
        (_number, 5), (_text, 5), (_missing, 2), (_boolean, 1), (_list, 1), (_date, 4), (_moment, 2),
    ]  # fmt: skip
    if scope.related:
        kinds += [(_parent, 2), (_aggregate, 5)]
    if scope.history:
        kinds += [(_history, 4), (_held, 1), (_member, 3)]
    if scope.inside:
        kinds += [(_passage, 3), (_result, 6)]
    found = None
    while found is None:
        found = rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0](scope)
    return found


def _number(scope: Scope) -> str | None:
    rng, fields = scope.rng, scope.fields("integer", "number")
    if not fields:
        return None
    field = rng.choice(fields)
    if rng.random() < 0.15:
        low, high = sorted(rng.sample(NUMBERS[field], 2), key=float)
        return f"{field} {rng.choice(['', 'not '])}between {low} and {high}"
    left = rng.choice([field, field, field, *scope.computed, _reckoned(scope, field)])
    return f"{left} {rng.choice(COMPARE)} {rng.choice(NUMBERS[field])}"


def _reckoned(scope: Scope, field: str) -> str:
    rng = scope.rng
    other = rng.choice(scope.fields("integer", "number"))
    value = rng.choice(NUMBERS[field])
    return rng.choice(
        [
            f"coalesce({field}, {value})",
            f"abs({field})",
            f"round({field}, 1)",
            f"floor({field})",
            f"({field} + {other})",
            f"({field} - 1)",
            f"({field} / {other})",
            f"({field} % 7)",
            f"least({field}, {value})",
            f"greatest({field}, {other})",
            f"nullif({field}, {value})",
            f"(case when {field} > {value} then {other} else 80 end)",
        ]
    )


def _text(scope: Scope) -> str | None:
    rng, fields = scope.rng, [f for f in scope.fields("text") if f in TEXTS]
    if not fields:
        return None
    field = rng.choice(fields)
    value, other = rng.choice(TEXTS[field]), rng.choice(TEXTS[field])
    return rng.choice(
        [
            f"{field} = '{value}'",
            f"{field} = '{value}'",
            f"{field} <> '{value}'",
            f"{field} in ('{value}', '{other}')",
            f"{field} not in ('{value}', '{other}')",
            f"{field} is distinct from '{value}'",
            f"{field} is not distinct from '{value}'",
            f"{field} ilike '{value[0]}%'",
            f"not ({field} like '%{value[-1]}')",
            f"lower({field}) = '{value.lower()}'",
            f"length({field}) > {len(value) - 1}",
            f"starts_with({field}, '{value[:2]}')",
            f"concat({field}, '!') = '{value}!'",
        ]
    )


def _missing(scope: Scope) -> str:
    field = scope.rng.choice(list(scope.objects.fields(scope.object)))
    return f"{field} is {scope.rng.choice(['', 'not '])}null"


def _boolean(scope: Scope) -> str | None:
    rng, fields = scope.rng, scope.fields("boolean")
    if not fields:
        return None
    field = rng.choice(fields)
    return rng.choice(
        [field, f"not {field}", f"{field} = false", f"{field} is distinct from true", f"coalesce({field}, false)"]
    )


def _list(scope: Scope) -> str | None:
    if not scope.fields("list"):
        return None
    return scope.rng.choice(
        [
            "list_contains(labels, 'vip')",
            "not list_contains(labels, 'eu')",
            "len(labels) >= 1",
            "list_has_any(labels, ['eu', 'us'])",
            "list_has_all(labels, ['vip', 'eu'])",
        ]
    )


def _date(scope: Scope) -> str | None:
    rng, fields = scope.rng, scope.fields("date")
    if not fields:
        return None
    field, n = rng.choice(fields), rng.choice([1, 7, 14, 30, 31, 90])
    return rng.choice(
        [
            f"{field} > today() - interval {n} days",
            f"{field} >= today()",
            f"{field} between today() and today() + interval {n} days",
            f"{field} between today() - interval {n} days and today()",
            f"days_since({field}) >= {n}",
            f"days_until({field}) = {rng.choice([0, 1, 7, 14])}",
            f"days_until({field}) <= {n}",
            f"anniversary({field}) = today()",
            f"anniversary({field}) <= today() + interval {n} days",
            f"date_trunc('month', {field}) = date_trunc('month', today())",
            f"extract({rng.choice(['month', 'day', 'year', 'quarter'])} from {field}) >= {rng.choice([1, 3, 12, 28])}",
            f"{field} + interval 1 month <= today()",
        ]
    )


def _moment(scope: Scope) -> str | None:
    rng, fields = scope.rng, scope.fields("timestamp")
    if not fields:
        return None
    field, n = rng.choice(fields), rng.choice(["1 hour", "60 minutes", "1 day", "30 days", "1 month"])
    return rng.choice(
        [
            f"{field} <= now() - interval {n}",
            f"{field} > now() - interval {n}",
            f"{field} between now() and now() + interval {n}",
            f"{field} = today()",
            f"days_since({field}) >= {rng.choice([0, 1, 30])}",
            f"extract(hour from {field}) >= 12",
        ]
    )


def _parent(scope: Scope) -> str | None:
    ones = scope.objects.ones(scope.object)
    if not ones:
        return None
    relation, target = scope.rng.choice(list(ones.items()))
    field = scope.rng.choice(
        [f for f, type_ in scope.objects.fields(target).items() if f in TEXTS and type_ == "text"] or [""]
    )
    if not field:
        return None
    value = scope.rng.choice(TEXTS[field])
    form = scope.rng.choice(["{0} = '{1}'", "{0} <> '{1}'", "{0} is null", "coalesce({0}, 'x') = '{1}'"])
    return form.format(f"{relation}.{field}", value)


def _aggregate(scope: Scope) -> str | None:
    manies = scope.objects.manies(scope.object)
    if not manies:
        return None
    rng = scope.rng
    relation, target = rng.choice(list(manies.items()))
    inner = scope.flat(target)
    passing = f" filter (where {draw_leaf(inner)})" if rng.random() < 0.6 else ""
    texts, numbers = [f for f in inner.fields("text") if f in TEXTS], inner.fields("integer", "number")
    op, n = rng.choice(COMPARE), rng.choice([0, 0, 1, 2])
    forms = [f"count({relation}){passing} {op} {n}"] * 3 + [
        f"exists({relation}){passing}",
        f"not exists({relation}){passing}",
    ]
    forms.append(f"share({relation}) filter (where {draw_leaf(inner)}) {op} 0.5")
    for field in numbers:
        value = rng.choice(NUMBERS[field])
        forms += [
            f"{name}({relation}.{field}){passing} {op} {value}" for name in ("sum", "avg", "min", "max", "any_value")
        ]
    for field in texts:
        value = rng.choice(TEXTS[field])
        forms += [
            f"count(distinct {relation}.{field}){passing} {op} {n}",
            f"any_value({relation}.{field}){passing} = '{value}'",
        ]
        forms += [
            f"{end}({relation}.{field} order by {rng.choice(list(scope.objects.fields(target)))}){passing} = '{value}'"
            for end in ("first", "last")
        ]
    forms += [
        f"{name}({relation}.{field}){passing}" for name in ("bool_or", "bool_and") for field in inner.fields("boolean")
    ]
    return rng.choice(forms)


def _history(scope: Scope) -> str:
    rng = scope.rng
    within = rng.choice(
        ["", "", ", within => interval 1 day", ", within => interval 7 days", ", within => interval 90 minutes"]
    )
    number = rng.choice(scope.fields("integer", "number") or [""])
    text = rng.choice([f for f in scope.fields("text") if f in TEXTS])
    a, b = rng.choice(TEXTS[text]), rng.choice(TEXTS[text])
    forms = [
        f"changed({text}{within})", f"changed({text}, from => '{a}', to => '{b}'{within})", f"changed_to({text}, '{a}'{within})",
        f"changed_from({text}, '{a}'{within})", f"was_ever({text}, '{a}'{within})", f"previous({text}) = '{a}'",
        f"value_at({text}, today() - interval 1 day) = '{a}'", f"value_at({text}, now() - interval 7 days) <> '{a}'",
        f"created({within[2:]})", f"updated({within[2:]})", f"not changed({text}{within})",
    ]  # fmt: skip
    if number:
        value = rng.choice(NUMBERS[number])
        forms += [
            f"increased_by({number}, 1{within})", f"increased_by({number}, '20%'{within})", f"decreased_by({number}, 15{within})",
            f"crossed_above({number}, {value}{within})", f"crossed_below({number}, {value}{within})", f"changed({number}{within})",
            f"previous({number}) < {value}",
        ]  # fmt: skip
    return rng.choice(forms)


def _held(scope: Scope) -> str:
    inner = draw_leaf(replace(scope, history=False, inside=False, passed=()), False)
    return f"held_for({inner}, interval {scope.rng.choice(['1 day', '60 minutes', '7 days', '1 month'])})"


def _member(scope: Scope) -> str | None:
    rng = scope.rng
    forms = [f"segment('{name}')" for name in scope.segments] * 2
    forms += [f"not segment('{name}')" for name in scope.segments]
    for name in scope.workflows:
        forms += [f"in_workflow('{name}')", f"completed_workflow('{name}')", f"not in_workflow('{name}')"]
    for name, stages in scope.journeys:
        forms += [f"journey_stage('{name}') = '{stage}'" for stage in stages]
        forms += [f"days_in_stage('{name}') >= {rng.choice([0, 1, 7])}", f"stage_goal('{name}', 'busy')"]
        forms += [f"days_left_in_stage('{name}') < {rng.choice([0, 1])}"] if scope.durations else []
    return rng.choice(forms) if forms else None


def _passage(scope: Scope) -> str:
    rng = scope.rng
    field = rng.choice(scope.fields("integer", "number") or ["score"])
    return rng.choice(
        [
            f"days_inside() >= {rng.choice([0, 1, 3, 7])}",
            f"entered_at <= now() - interval {rng.choice(['1 day', '60 minutes', '1 month'])}",
            f"{field} > at_entry({field})",
            f"{field} <> at_entry({field})",
            f"at_entry({field}) >= {rng.choice(NUMBERS[field])}",
        ]
    )


def _result(scope: Scope) -> str | None:
    if not scope.passed:
        return None
    rng = scope.rng
    step = rng.choice(scope.passed)
    forms = [f"{result}('{step.id}')" for result in RESULTS.get(step.kind, ())]
    if step.kind in ("task", "call"):
        forms += [f"outcome('{step.id}') = 'won'", f"outcome('{step.id}') <> 'won'", f"outcome('{step.id}') is null"]
    if step.approval:
        forms += [f"{word}('{step.id}')" for word in ("approved", "rejected", "not_actioned")] * 2
    if not forms:
        return None
    return rng.choice(
        [
            rng.choice(forms),
            f"not {rng.choice([f for f in forms if '=' not in f and ' is ' not in f and '<' not in f] or forms)}",
        ]
    )
