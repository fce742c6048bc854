"""Random conditions that a customer success team could have written, over the generated CRM.

Two in five leaves come from a shared library in which the first entries are used most, as teams reuse what they know:
that is what makes deduplication matter. Constants come from short lists for the same reason.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

from benchmarks.conditions import Aggregate, Condition, Group, Leaf, Moment, Related, Test, Trend, Words, written
from benchmarks.crm_words import ENUMS, OPEN_STAGES

T = TypeVar("T")

DAYS = (7, 14, 28, 30, 60, 90)
SHARED = 0.4
LIBRARY = 80
RELATED = 0.2
_NUMBERS: dict[str, tuple[int | float, ...]] = {
    "health_score": tuple(range(20, 81, 5)),
    "nps": (3, 5, 6, 7, 8, 9),
    "arr": (1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000),
    "mrr": (100, 500, 1_000, 2_000, 5_000, 10_000),
    "seats": (5, 10, 20, 25, 50, 100, 200),
    "seats_used": (1, 2, 5, 10, 20, 50),
    "employees": (10, 50, 100, 500, 1_000, 5_000),
    "seat_utilization": (0.2, 0.4, 0.5, 0.6, 0.8, 0.9),
}
_COLUMNS = ("industry", "tier", "region", "country", "plan", "lifecycle_stage", "churn_risk", "onboarding_status")
_MOMENTS: dict[str, Literal["now()", "today()"]] = {
    "last_login_at": "now()",
    "last_activity_at": "now()",
    "created_at": "today()",
    "last_qbr_date": "today()",
}
_TRACKED = ("lifecycle_stage", "plan", "churn_risk")
_URGENT = (("urgent",), ("high", "urgent"), ("normal",))


class Grammar:
    """Writes conditions from one stream of chance; the library is filled at the start."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._library: list[Condition] = []
        self._library = [self.tree(self.chance.choice((1, 2, 2, 3)), "all") for _ in range(LIBRARY)]

    def tree(self, count: int, root: Literal["all", "any"] | None = None) -> Condition:
        """A condition of about so many leaves; without a `root`, most groups are `all`."""
        parts: list[Condition] = []
        while count > 0:
            if self._library and self.chance.random() < SHARED:
                parts.append(self._from_library())
                count -= 1
            elif count >= 3 and self.chance.random() < 0.4:
                inner = self.chance.choice((2, 3))
                parts.append(Group(self._pick(("any", "any", "all")), tuple(self.leaf() for _ in range(inner))))
                count -= inner
            else:
                made = self.leaf()
                parts.append(Group("none", (made,)) if self.chance.random() < 0.1 else made)
                count -= 1
        return parts[0] if len(parts) == 1 else Group(root or self._pick(("all", "all", "any")), tuple(parts))

    def leaf(self) -> Leaf:
        """One leaf: a test of the record's own columns, or of related rows."""
        if self.chance.random() < RELATED:
            choices = ((0.3, self._deals), (0.55, self._people), (0.7, self._tickets), (0.85, self._usage))
            return self._one_of(choices, self._trend)
        choices = ((0.34, self._number), (0.66, self._enum), (0.72, self._flag), (0.94, self._moment))
        return self._one_of(choices, self._renewal)

    def change(self) -> Words:
        """An event: something is not what it was at the evaluation before."""
        column = self.chance.choice(_TRACKED)
        value = self.chance.choice(ENUMS[column])
        return Words(self.chance.choice((f"changed_to({column}, '{value}')", f"changed({column})")))

    def lasting(self) -> Words:
        """A test of a number that has held for a while."""
        return Words(f"held_for({written(self._number())}, interval {self.chance.choice((3, 7, 14))} days)")

    def _pick(self, among: Sequence[T]) -> T:
        return self.chance.choice(among)

    def _from_library(self) -> Condition:
        return self._library[min(int(self.chance.paretovariate(0.8)) - 1, len(self._library) - 1)]

    def _one_of(self, choices: Sequence[tuple[float, Callable[[], Leaf]]], rest: Callable[[], Leaf]) -> Leaf:
        drawn = self.chance.random()
        return next((make for below, make in choices if drawn < below), rest)()

    def _number(self) -> Test:
        column = self.chance.choice(list(_NUMBERS))
        return Test(column, self._pick(("<", ">=")), self.chance.choice(_NUMBERS[column]))

    def _enum(self) -> Test:
        column = self.chance.choice(_COLUMNS)
        values = ENUMS[column]
        if len(values) <= 7 and self.chance.random() < 0.5:
            return Test(column, "=", self.chance.choice(values))
        count = self.chance.choice((2, 3, 4) if len(values) < 30 else (5, 12))
        return Test(column, "in", tuple(sorted(self.chance.sample(values, min(len(values) - 1, count)))))

    def _flag(self) -> Test:
        return Test(*self._pick((("is_paying", "is", True), ("has_sso", "is", True), ("is_paying", "is", False))))

    def _moment(self) -> Test:
        column = self.chance.choice(list(_MOMENTS))
        days = self.chance.choice((*DAYS, 3, 21, 45, 180))
        return Test(column, self._pick(("<", ">=")), Moment(_MOMENTS[column], -days))

    def _renewal(self) -> Test:
        days = self.chance.choice((30, 60, 90, 120, 180))
        return Test("renewal_date", "between", (Moment("today()", 0), Moment("today()", days)))

    def _since(self, column: str) -> Test:
        return Test(column, ">=", Moment(self._pick(("now()", "today()")), -self.chance.choice(DAYS)))

    def _some(self, *tests: tuple[float, Test]) -> tuple[Test, ...]:
        """The tests that chance picks, at least the first."""
        return tuple(test for share, test in tests if self.chance.random() < share) or (tests[0][1],)

    def _deals(self) -> Related:
        stage = Test("stage", "in", OPEN_STAGES)
        if self.chance.random() < 0.25:
            stage = Test("stage", "=", self.chance.choice(ENUMS["stage"]))
        large = Test("amount", ">=", self.chance.choice((500, 1_000, 5_000, 10_000, 25_000, 50_000)))
        kind = Test("deal_type", "=", self.chance.choice(ENUMS["deal_type"]))
        tests = self._some((1.0, stage), (0.6, large), (0.6, self._since("created_at")), (0.2, kind))
        if self.chance.random() < 0.75:
            return _counted("opportunities", tests, ">=", self.chance.choice((1, 1, 2, 2, 3)))
        summed = Aggregate("sum", "opportunities", "amount", tests)
        return Related(summed, ">=", self.chance.choice((5_000, 10_000, 50_000)))

    def _people(self) -> Related:
        role = Test("role", "=", self.chance.choice(ENUMS["role"]))
        who = self._pick((role, Test("seniority", "in", ("C-Level", "VP"))))
        engaged = Test("engagement", ">=", self.chance.choice((20, 40, 60, 80)))
        active, mailed = Test("is_active", "is", True), Test("email_opt_in", "is", True)
        tests = self._some((1.0, who), (0.3, active), (0.2, mailed), (0.3, engaged))
        if self.chance.random() < 0.3:
            latest = Aggregate("max", "contacts", "last_contacted_at", tests)
            return Related(latest, "<", Moment("now()", -self.chance.choice(DAYS)))
        return _counted("contacts", tests, *self._pick(((">=", 1), (">=", 1), ("=", 0), (">=", 2))))

    def _tickets(self) -> Related:
        urgent = Test("priority", "in", self._pick(_URGENT))
        waiting = Test("status", "in", ("open", "pending"))
        tests = self._some((0.6, self._since("created_at")), (0.6, waiting), (0.6, urgent))
        if self.chance.random() < 0.15:
            mean = Aggregate("avg", "tickets", "csat", (self._since("created_at"),))
            return Related(mean, "<", self.chance.choice((2.5, 3, 4)))
        return _counted("tickets", tests, *self._pick(((">=", 1), (">=", 2), ("=", 0))))

    def _usage(self) -> Related:
        metric = Test("metric", "=", self.chance.choice(ENUMS["metric"]))
        tests = self._some((1.0, self._since("ts")), (0.9, metric))
        if self.chance.random() < 0.15:
            people = Aggregate("count distinct", "usage", "person", (self._since("ts"),))
            return Related(people, ">=", self.chance.choice((2, 3, 5)))
        if self.chance.random() < 0.3:
            return _counted("usage", tests, ">=", self.chance.choice((1, 2, 5)))
        summed = Aggregate("sum", "usage", "quantity", tests)
        return Related(summed, *self._pick(((">=", 5), (">=", 10), (">=", 50), ("<", 5), ("<", 20))))

    def _trend(self) -> Trend:
        """Less, or more, than in the window before."""
        days = self.chance.choice((7, 14, 28))
        metric = Test("metric", "=", self.chance.choice(ENUMS["metric"]))
        start, earlier = Moment("today()", -days), Moment("today()", -2 * days)
        now = Aggregate("sum", "usage", "quantity", (metric, Test("ts", ">=", start)))
        before = Aggregate("sum", "usage", "quantity", (metric, Test("ts", "<", start), Test("ts", ">=", earlier)))
        operator, factor = self._pick((("<", 0.6), ("<", 0.8), (">", 1.2)))
        return Trend(now, operator, factor, before)


def _counted(relation: str, tests: tuple[Test, ...], operator: Literal["=", "<", ">="], value: int) -> Related:
    return Related(Aggregate("count", relation, None, tests), operator, value)
