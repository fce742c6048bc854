"""Make a failing history small, and print it as a case: every bug found becomes a named case."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import yaml
from support.soak.catalogs import Spec
from support.soak.engines import Stage
from support.soak.histories import Moment
from support.soak.playing import Difference
from support.soak.running import History, play_again
from support.soak.worlds import Rejected, build

from definitions import Project

Fails = Callable[[History], bool]


def shrink(
    history: History, difference: Difference, stages: Sequence[Stage], seconds: float = 120
) -> tuple[History, Difference]:
    """A smaller history with the same kind of difference. Each cut is played, for so many seconds."""
    best, found, until = _until(history, difference), difference, time.monotonic() + seconds
    changed = True
    while changed and time.monotonic() < until:
        changed = False
        for cuts in PASSES:
            place = 0
            while time.monotonic() < until:
                # what did not help before will hardly help now: go on where the last cut was
                cut = next(itertools.islice(cuts(best), place, None), None)
                if cut is None:
                    break
                seen = _difference(cut, stages)
                if seen is not None and seen.what == difference.what:
                    best, found, changed = _until(cut, seen), seen, True
                else:
                    place += 1
    return best, found


def _until(history: History, difference: Difference) -> History:
    kept = [m for m in history.moments if m.at <= difference.at]
    return replace(history, moments=kept)


def _difference(history: History, stages: Sequence[Stage]) -> Difference | None:
    try:
        project = build(history.data)
        rebuilt = [replace(m, project=_project(m)) for m in history.moments]
        return play_again(replace(history, moments=rebuilt), project, stages)
    except (Rejected, KeyError):
        return None


def _project(moment: Moment) -> Project | None:
    return build(moment.world) if moment.world is not None else None


def _bold(history: History) -> Iterator[History]:
    """Whole kinds of things at once."""
    for name in history.data["workflows"]:
        others = [n for n in history.data["workflows"] if n != name]
        yield _everywhere(history, lambda data, others=others: [data["workflows"].pop(n, None) for n in others])
    for part in ("early", "commands", "results", "suppress", "world", "set"):
        empty: Any = None if part == "world" else [] if part in ("early", "commands") else {}
        yield replace(history, moments=[replace(m, **{part: empty}, project=None) for m in history.moments])
    for object_ in history.given:
        if object_ != "account":
            given = {o: rows for o, rows in history.given.items() if o != object_}
            moments = [replace(m, set={o: r for o, r in m.set.items() if o != object_}) for m in history.moments]
            yield History(history.data, given, moments)


def _fewer_moments(history: History) -> Iterator[History]:
    moments = history.moments
    size = len(moments) // 2
    while size:
        for i in range(0, len(moments) - 1, size):
            yield replace(history, moments=moments[:i] + moments[min(i + size, len(moments) - 1) :])
        size //= 2
    for i in range(len(moments) - 1):  # leave out an evaluation, keep what was done before it
        yield replace(history, moments=[*moments[:i], _joined(moments[i], moments[i + 1]), *moments[i + 2 :]])


def _joined(first: Moment, second: Moment) -> Moment:
    made = copy.deepcopy(second)
    for object_, rows in first.set.items():
        for key, row in rows.items():
            later = made.set.get(object_, {}).get(key)
            if later is None:
                made.set.setdefault(object_, {})[key] = row
            elif isinstance(later, dict) and isinstance(row, dict):
                made.set[object_][key] = {**row, **later}
    made.early = [*first.early, *second.early]
    made.commands = [*first.commands, *(c for c in second.commands if c not in first.commands)]
    made.results = first.results | made.results
    made.suppress = first.suppress | made.suppress
    made.world = second.world or first.world
    return made


def _fewer_workflows(history: History) -> Iterator[History]:
    for name in history.data["workflows"]:
        if len(history.data["workflows"]) > 1:
            yield _everywhere(history, lambda data, name=name: data["workflows"].pop(name, None))


def _everywhere(history: History, change: Callable[[Spec], Any]) -> History:
    """A change of the project, and of every edit of it."""
    data = copy.deepcopy(history.data)
    change(data)
    moments = [copy.copy(m) for m in history.moments]
    for moment in moments:
        if moment.world is not None:
            moment.world = copy.deepcopy(moment.world)
            change(moment.world)
            if moment.world == data and moment is moments[0]:
                moment.world = None
    return History(data, history.given, moments)


def _fewer_rows(history: History) -> Iterator[History]:
    for object_, rows in history.given.items():
        for key in rows:
            given = {
                o: {k: r for k, r in found.items() if (o, k) != (object_, key)} for o, found in history.given.items()
            }
            moments = [copy.deepcopy(m) for m in history.moments]
            for moment in moments:
                moment.set.get(object_, {}).pop(key, None)
            yield History(history.data, given, moments)


def _fewer_changes(history: History) -> Iterator[History]:
    for i, moment in enumerate(history.moments):
        for changed in _smaller(moment):
            yield replace(history, moments=[*history.moments[:i], changed, *history.moments[i + 1 :]])


def _smaller(moment: Moment) -> Iterator[Moment]:
    if moment.world is not None:
        yield replace(moment, world=None, project=None)
    for i in range(len(moment.commands)):
        yield replace(moment, commands=moment.commands[:i] + moment.commands[i + 1 :])
    for action in moment.results:
        yield replace(moment, results={a: r for a, r in moment.results.items() if a != action})
    if moment.suppress:
        yield replace(moment, suppress={})
    for object_, rows in moment.set.items():
        yield replace(moment, set={o: r for o, r in moment.set.items() if o != object_})
        for key, row in rows.items():
            yield replace(moment, set=moment.set | {object_: {k: r for k, r in rows.items() if k != key}})
            values = cast(Spec, row) if isinstance(row, dict) else {}
            for name in values:
                less = {n: v for n, v in values.items() if n != name}
                yield replace(moment, set=moment.set | {object_: rows | {key: less}})


def _less_data(history: History) -> Iterator[History]:
    """Without a segment, a calendar, a policy, a step, a part of a condition."""
    for path in _paths(history.data["workflows"], ("workflows",)):
        yield _everywhere(history, lambda data, path=path: _cut(data, path))
    for part in ("segments", "journeys", "calendars"):
        for name in history.data[part]:
            yield _everywhere(history, lambda data, part=part, name=name: data[part].pop(name, None))
    if "limits" in history.data["project"]:
        yield _everywhere(history, lambda data: data["project"].pop("limits", None))
    yield _everywhere(history, lambda data: data["project"].update(timezone="UTC"))
    for role in ("updated_at", "deleted_at", "computed"):
        if role in history.data["catalog"]["account"]:
            yield _everywhere(history, lambda data, role=role: data["catalog"]["account"].pop(role, None))


def _paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Places in the workflows that could go, or be replaced by one of their parts."""
    parts: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        parts = list(cast(Spec, value).items())
    elif isinstance(value, list):
        parts = list(enumerate(cast("list[Any]", value)))
    yield from ((*path, key) for key, _ in parts)
    for key, part in parts:
        yield from _paths(part, (*path, key))


def _cut(data: Any, path: tuple[Any, ...]) -> None:
    """Take a part out; a group of conditions with one part left becomes that part by the next cuts."""
    here = data
    for key in path[:-1]:
        try:
            here = here[key]
        except (KeyError, IndexError, TypeError):
            return
    try:
        del here[path[-1]]
    except (KeyError, IndexError, TypeError):
        return


def _fewer_fields(history: History) -> Iterator[History]:
    for object_, rows in history.given.items():
        names = {name for row in rows.values() for name in row}
        for name in sorted(names):
            less = {k: {n: v for n, v in row.items() if n != name} for k, row in rows.items()}
            yield replace(history, given=history.given | {object_: less})


def printed(history: History, difference: Difference, seed: int) -> str:
    """The history as a case in YAML; what it should decide is still to be said."""
    zone = history.data["project"]["timezone"]
    case: Spec = {"name": f"seed {seed}: {difference.what}", "rule": f"found by random histories, {difference.what}"}
    case |= {key: value for key, value in history.data.items() if key not in ("name", "messages") and value}
    case["given"] = {o: rows for o, rows in history.given.items() if rows}
    case["timeline"] = [_printed_moment(m) for m in history.moments]
    text = yaml.safe_dump([case], sort_keys=False, width=150, default_flow_style=None, allow_unicode=True)
    return f"# {zone}\n# {difference.text}\n{text}"


def _printed_moment(moment: Moment) -> Spec:
    made: Spec = {"at": moment.at.isoformat(sep=" ", timespec="minutes")}
    for key, value in (
        ("set", moment.set),
        ("early", moment.early),
        ("commands", moment.commands),
        ("results", moment.results),
        ("suppress", moment.suppress),
    ):
        if value:
            made[key] = _plain(value)
    if moment.world is not None:
        made["edit"] = {"world": {k: v for k, v in moment.world.items() if k not in ("name", "messages")}}
    return made


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in cast(Spec, value).items() if v not in ({}, [])}
    if isinstance(value, list):
        return [_plain(v) for v in cast("list[Any]", value)]
    return value.isoformat(sep=" ") if isinstance(value, datetime) else value


PASSES: tuple[Callable[[History], Iterator[History]], ...] = (
    _bold,
    _fewer_moments,
    _fewer_workflows,
    _fewer_rows,
    _fewer_changes,
    _less_data,
    _fewer_fields,
)
"""Ways to make a history smaller, the boldest first."""
