"""History functions: what a record's tracked fields were, and when they changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from support.oracle import operators as op
from support.oracle.clock import Clock
from support.oracle.reading import NotInOracle, read_instant
from support.oracle.records import Change, Records, Spell
from support.oracle.values import Place, interval, value_of

from definitions.grammar import Call, parts_of


@dataclass(frozen=True)
class Past:
    """One call about the past of a record, at an instant."""

    records: Records
    object: str
    record: str
    call: Call
    place: Place

    @property
    def now(self) -> datetime:
        return self.place.now

    @property
    def clock(self) -> Clock:
        return self.place.clock

    def argument(self, number: int) -> Any:
        """The value of an argument, now."""
        return value_of(self.call.args[number], self.place)

    def named(self, name: str) -> Any:
        return value_of(self.call.named[name], self.place)

    @property
    def start(self) -> datetime | None:
        """The start of the look-back; None without `within`."""
        within = self.call.named.get("within")
        return None if within is None else self.clock.step(self.now, -interval(within))

    def recent(self, moments: Sequence[datetime]) -> bool:
        """One of the moments is this evaluation's, or lies in the look-back: after its start."""
        start = self.start
        return any(at == self.now if start is None else at > start for at in moments)

    def spells(self) -> list[Spell]:
        """The values that the field in the first argument had."""
        field = parts_of(self.call.args[0])[-1]
        return self.records.spells(self.object, self.record, field, self.now)

    def value_now(self) -> Any:
        """The field's value."""
        return next((s.value for s in self.spells() if s.until is None), None)

    def before(self) -> Any:
        """The field's value at the evaluation before; missing where the record was not there, or the field not kept."""
        previous = self.records.instant_before(self.now)
        return next((s.value for s in self.spells() if previous is not None and s.covers(previous)), None)

    def changes(self) -> list[Change]:
        """The changes of that field that are looked at: this evaluation's, or all of the look-back."""
        field = parts_of(self.call.args[0])[-1]
        found = self.records.changes(self.object, self.record, field, self.now)
        return [change for change in found if self.recent([change.at])]

    def some_change(self, holds: Callable[[Change], bool | None]) -> bool | None:
        """It changed, and so and so: unknown where that is. In a look-back some change must plainly be so."""
        if self.start is not None:
            return any(holds(change) is True for change in self.changes())
        return op.any_of(holds(change) for change in self.changes())

    def equal(self, one: Any, other: Any) -> bool | None:
        return op.equal(one, other, self.clock)


def _changed(past: Past) -> bool | None:
    """It differs from before; with `from` and `to`, and was, and is now."""
    wanted = past.call.named
    return past.some_change(
        lambda c: op.all_of(
            past.equal(value, past.named(name))
            for name, value in (("from", c.before), ("to", c.after))
            if name in wanted
        )
    )


def _changed_to(past: Past) -> bool | None:
    return past.some_change(lambda c: past.equal(c.after, past.argument(1)))


def _changed_from(past: Past) -> bool | None:
    return past.some_change(lambda c: past.equal(c.before, past.argument(1)))


def _moved(sign: int) -> Callable[[Past], bool | None]:
    def moved(past: Past) -> bool | None:
        """At least so much more, or less, than before; a percentage of nothing or of zero is unknown."""
        before, after = _ends(past)
        by = past.argument(1)
        if before is None or after is None or by is None:
            return None
        least = op.exact(by) if op.is_number(by) else _share(by, before)
        return None if least is None else sign * (op.exact(after) - op.exact(before)) >= least

    return moved


def _share(written: str, before: float) -> Decimal | None:
    """A percentage of the value before, without its sign."""
    return abs(op.exact(before)) * Decimal(written.rstrip("%")) / 100 if before else None


def _ends(past: Past) -> tuple[Any, Any]:
    """What is compared: the value at the evaluation before or at the look-back's start, and the value now.

    Where none was known at the start of the look-back it is the first known since.
    """
    spells, start = past.spells(), past.start
    if start is None:
        return past.before(), past.value_now()
    since = [s for s in spells if s.until is None or s.until > start]
    return since[0].value if since else None, past.value_now()


def _crossed(sign: int) -> Callable[[Past], bool | None]:
    def crossed(past: Past) -> bool | None:
        """Was at the threshold or on this side of it, and is on the other."""
        threshold = past.argument(1)

        def side(value: Any) -> int | None:
            missing = value is None or threshold is None
            return None if missing else op.order(value, threshold, past.clock) * sign

        def over(before: Any, after: Any) -> bool | None:
            was, is_ = side(before), side(after)
            return op.all_of([None if was is None else was <= 0, None if is_ is None else is_ > 0])

        if past.start is None:
            return over(past.before(), past.value_now())
        return any(over(c.before, c.after) for c in past.changes())

    return crossed


def _created(past: Past) -> bool:
    return past.recent(past.records.came(past.object, past.record, past.now))


def _updated(past: Past) -> bool:
    return past.recent(past.records.updated(past.object, past.record, past.now))


def _previous(past: Past) -> Any:
    """The value before the latest change."""
    field = parts_of(past.call.args[0])[-1]
    found = past.records.changes(past.object, past.record, field, past.now)
    return found[-1].before if found else None


def _value_at(past: Past) -> Any:
    """The value at an instant, or at the beginning of a date."""
    when: date | datetime | str | None = past.argument(1)
    if isinstance(when, str):
        when = read_instant(when, past.clock)
    if when is None:
        return None
    moment = when if isinstance(when, datetime) else past.clock.midnight(when)
    return next((s.value for s in past.spells() if s.covers(moment)), None)


def _was_ever(past: Past) -> bool:
    """Had the value at some time, or at some time of the look-back."""
    start = past.start
    stood = [s for s in past.spells() if start is None or s.until is None or s.until > start]
    return any(past.equal(s.value, past.argument(1)) is True for s in stood)


HISTORY: dict[str, Callable[[Past], Any]] = {
    "changed": _changed,
    "changed_to": _changed_to,
    "changed_from": _changed_from,
    "increased_by": _moved(1),
    "decreased_by": _moved(-1),
    "crossed_above": _crossed(1),
    "crossed_below": _crossed(-1),
    "created": _created,
    "updated": _updated,
    "previous": _previous,
    "value_at": _value_at,
    "was_ever": _was_ever,
}


def asked_of_the_past(past: Past) -> Any:
    """A history function of the record."""
    function = HISTORY.get(past.call.name)
    if function is None:
        raise NotInOracle(f"`{past.call.name}`")
    return function(past)
