"""Play moments on several engines at once, and compare whatever can be seen of them after every evaluation."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from support.soak.engines import Passage, Seat
from support.soak.histories import GONE, Moment

from definitions import ProblemsFound, UserError
from pipelines.worlds import Observed, Rows

SEND = ("sends_at", "zone", "zone_rule", "send_rule")
"""What is compared of a message's send time."""


@dataclass(frozen=True)
class Difference:
    """Two engines that disagree, or an engine that breaks what must always hold. `what` names the kind of it."""

    at: datetime
    what: str
    text: str


DELIVERED_BEFORE = timedelta(seconds=30)
"""How long before an evaluation what is due is delivered."""


class Declined(Exception):
    """An engine says that it does not know the meaning of something: the history ends there, without a verdict."""


class Disagreed(Exception):
    """Raised at the first difference."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.text)
        self.difference = difference


def begin(seats: Sequence[Seat], given: Rows) -> None:
    """Make the project live on every engine, with its first rows."""
    for seat in seats:
        seat.engine.apply()
        seat.engine.set(given)


def play_moment(seats: Sequence[Seat], moment: Moment) -> tuple[Observed, bool]:
    """One moment on every engine; what the first observed, and whether the project's edit was accepted.

    Raises Disagreed at the first difference.
    """
    if moment.delivers:
        _each(seats, moment, "deliver", [lambda seat: seat.deliver(moment.at - DELIVERED_BEFORE)])
    early = moment.at - timedelta(seconds=1)
    _each(seats, moment, "order", [_giving(order, early) for order in moment.early])
    accepted = _edited(seats, moment)
    for seat in seats:
        seat.engine.set({o: {k: None if r == GONE else r for k, r in rows.items()} for o, rows in moment.set.items()})
        for object_, recipients in moment.suppress.items():
            seat.engine.suppress(object_, recipients, moment.at)
    _each(seats, moment, "order", [_ordering(moment, i) for i in range(len(moment.commands))])
    _each(seats, moment, "result", [_receiving(moment, action) for action in moment.results])
    _each(seats, moment, "evaluate", [lambda seat: _evaluate(seat, moment)])
    found = [seat.engine.observe(moment.at) for seat in seats]
    for seat, observed in zip(seats[1:], found[1:], strict=True):
        _compare_observed(moment.at, (seats[0].name, found[0]), (seat.name, observed))
        _compare_qualifying(moment.at, seats[0], seat)
        _compare_passages(moment.at, seats[0], seat)
    for seat in seats:
        broken = seat.engine.broken()
        if broken:
            names = ", ".join(sorted(broken))
            raise Disagreed(Difference(moment.at, f"invariant {names}", f"{seat.name} breaks {names}: {broken}"))
    return found[0], accepted


def _evaluate(seat: Seat, moment: Moment) -> None:
    seat.engine.evaluate(moment.at)


def _ordering(moment: Moment, i: int) -> Callable[[Seat], None]:
    at = moment.at - timedelta(microseconds=len(moment.commands) - 1 - i)
    return lambda seat: seat.engine.order(moment.commands[i], at)


def _giving(order: str, at: datetime) -> Callable[[Seat], None]:
    return lambda seat: seat.engine.order(order, at)


def _receiving(moment: Moment, action: str) -> Callable[[Seat], None]:
    return lambda seat: seat.engine.receive({action: moment.results[action]}, moment.at)


def _edited(seats: Sequence[Seat], moment: Moment) -> bool:
    if moment.project is None:
        return True

    def apply(seat: Seat) -> None:
        live = seat.engine.project
        try:
            seat.engine.apply(moment.project)
        except UserError:
            seat.engine.project = live
            raise

    return not _each(seats, moment, "apply", [apply])


def _each(seats: Sequence[Seat], moment: Moment, what: str, deeds: Sequence[Callable[[Seat], None]]) -> set[str]:
    """Do something on every engine: all accept it, or all refuse it by the same code. Returns the codes."""
    codes: set[str] = set()
    for deed in deeds:
        outcomes = {seat.name: _outcome(seat, deed, moment, what) for seat in seats}
        if len(set(outcomes.values())) > 1:
            raise Disagreed(Difference(moment.at, what, f"`{what}` is refused otherwise: {outcomes}"))
        codes |= set(outcomes.values()) - {""}
    return codes


def _outcome(seat: Seat, deed: Callable[[Seat], None], moment: Moment, what: str) -> str:
    try:
        deed(seat)
    except ProblemsFound as refused:
        return " ".join(sorted({problem.code for problem in refused.problems}))
    except UserError as refused:
        return refused.code
    except Exception as error:
        if type(error).__name__ == "NotInOracle":
            raise Declined(str(error)) from error
        text = "".join(traceback.format_exception(error)[-3:])
        raise Disagreed(Difference(moment.at, f"crash of {seat.name}", f"{seat.name} at {what}: {text}")) from error
    return ""


def _compare_observed(at: datetime, one: tuple[str, Observed], other: tuple[str, Observed]) -> None:
    for field in fields(Observed):
        left, right = (_shown(field.name, getattr(seen, field.name)) for _, seen in (one, other))
        if left != right:
            raise Disagreed(Difference(at, field.name, _differing(field.name, (one[0], left), (other[0], right))))


def _shown(name: str, value: Any) -> Any:
    if name == "sends":
        return {action: {key: send[key] for key in SEND} for action, send in value.items()}
    return _plain(value)


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {str(k): _plain(v) for k, v in cast("dict[str, Any]", value).items()}
        case tuple() | list():
            return [_plain(v) for v in cast("list[Any]", value)]
        case date():
            return value.isoformat()
        case _:
            return value


def _differing(what: str, one: tuple[str, Any], other: tuple[str, Any]) -> str:
    """What only one of them has."""
    (name, left), (second, right) = one, other
    if isinstance(left, dict):
        mine, theirs = cast("dict[str, Any]", left), cast("dict[str, Any]", right)
        keys = sorted(k for k in {*mine, *theirs} if mine.get(k, "-") != theirs.get(k, "-"))
        left, right = {k: mine.get(k, "-") for k in keys}, {k: theirs.get(k, "-") for k in keys}
    elif isinstance(left, list):
        some, others = cast("list[Any]", left), cast("list[Any]", right)
        left, right = [v for v in some if v not in others], [v for v in others if v not in some]
    return f"{what}: {name} has {left}, {second} has {right}"


def _compare_qualifying(at: datetime, one: Seat, other: Seat) -> None:
    left, right = one.engine.qualifying(), other.engine.qualifying()
    for name in sorted({*left, *right}):
        mine, theirs = left.get(name, frozenset()), right.get(name, frozenset())
        if mine != theirs:
            text = f"qualifying for {name}: only {one.name} has {sorted(mine - theirs)}, only {other.name} has {sorted(theirs - mine)}"
            raise Disagreed(Difference(at, "qualifying", text))


def _compare_passages(at: datetime, one: Seat, other: Seat) -> None:
    left, right = one.passages(), other.passages()
    names = {name for name, _ in left[0]} & {name for name, _ in right[0]} if left and right else set[str]()
    mine, theirs = _told(left, names), _told(right, names)
    if mine != theirs:
        only = [p for p in mine if p not in theirs][:3], [p for p in theirs if p not in mine][:3]
        raise Disagreed(
            Difference(at, "passages", f"passages: only {one.name} has {only[0]}, only {other.name} has {only[1]}")
        )


def _told(passages: Sequence[Passage], names: set[str]) -> list[str]:
    return sorted(", ".join(f"{n}={_instant(v)}" for n, v in passage if n in names) for passage in passages)


def _instant(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
