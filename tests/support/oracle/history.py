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

    def changes(self) -> list[Change]:
        """The changes of that field that are looked at: this evaluation's, or all of the look-back."""
        field = parts_of(self.call.args[0])[-1]
        found = self.records.changes(self.object, self.record, field, self.now)
        return [change for change in found if self.recent([change.at])]

    def same(self, one: Any, other: Any) -> bool:
        """Equal, and neither is missing."""
        return op.equal(one, other, self.clock) is True


def _changed(past: Past) -> bool:
    wanted = past.call.named
    return any(
        ("from" not in wanted or past.same(c.before, past.named("from")))
        and ("to" not in wanted or past.same(c.after, past.named("to")))
        for c in past.changes()
    )


def _changed_to(past: Past) -> bool:
    return any(past.same(c.after, past.argument(1)) for c in past.changes())


def _changed_from(past: Past) -> bool:
    return any(past.same(c.before, past.argument(1)) for c in past.changes())


def _moved(sign: int) -> Callable[[Past], bool | None]:
    def moved(past: Past) -> bool | None:
        """At least so much more, or less, than before; a percentage of nothing or of zero is unknown."""
        ends = _ends(past)
        if ends is None:
            return False
        before, after = ends
        by = past.argument(1)
        if before is None or after is None or by is None:
            return None
        least = op.exact(by) if op.is_number(by) else _share(by, before)
        return None if least is None else sign * (op.exact(after) - op.exact(before)) >= least

    return moved


def _share(written: str, before: float) -> Decimal | None:
    """A percentage of the value before, without its sign."""
    return abs(op.exact(before)) * Decimal(written.rstrip("%")) / 100 if before else None


def _ends(past: Past) -> tuple[Any, Any] | None:
    """The values that are compared: before and after this evaluation's change, or at the look-back's start and now.

    Without a change at this evaluation, or for a record without a known value, there is nothing to compare.
    """
    start = past.start
    if start is None:
        found = past.changes()
        return (found[-1].before, found[-1].after) if found else None
    # with the first known since, where none was known at the start
    since = [s for s in past.spells() if s.until is None or s.until > start]
    return (since[0].value, since[-1].value) if since and since[-1].until is None else None


def _crossed(sign: int) -> Callable[[Past], bool]:
    def crossed(past: Past) -> bool:
        """Was at the threshold or on this side of it, is on the other."""
        threshold = past.argument(1)
        if threshold is None:
            return False

        def side(value: Any) -> int:
            return op.order(value, threshold, past.clock) * sign

        known = [c for c in past.changes() if c.before is not None and c.after is not None]
        return any(side(c.before) <= 0 < side(c.after) for c in known)

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
    return any(past.same(s.value, past.argument(1)) for s in stood)


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
