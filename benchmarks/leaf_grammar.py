"""Random conditions that a customer success team could have written, over the generated CRM.

Two in five leaves come from a shared library in which the first entries are used most, as teams reuse what they know:
that is what makes deduplication matter. Constants come from short lists for the same reason.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeAlias

from benchmarks.crm_words import ENUMS, OPEN_STAGES

Condition: TypeAlias = "str | dict[str, list[Condition]]"

DAYS = (7, 14, 28, 30, 60, 90)
SHARED = 0.4
LIBRARY = 80
AGGREGATES = 0.2
_NUMBERS: dict[str, tuple[float, ...]] = {
    "health_score": tuple(range(20, 81, 5)),
    "nps": (3, 5, 6, 7, 8, 9),
    "arr": (1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000),
    "seats": (5, 10, 20, 25, 50, 100, 200),
    "seats_used": (1, 2, 5, 10, 20, 50),
    "employees": (10, 50, 100, 500, 1_000, 5_000),
    "seat_utilization": (0.2, 0.4, 0.5, 0.6, 0.8, 0.9),
    "open_pipeline": (1, 5_000, 20_000, 50_000, 100_000),
}
_COLUMNS = ("industry", "tier", "region", "country", "plan", "lifecycle_stage", "churn_risk", "onboarding_status")
_MOMENTS = {"last_login_at": "now()", "last_activity_at": "now()", "created_at": "today()", "last_qbr_date": "today()"}
_TRACKED = ("lifecycle_stage", "plan", "churn_risk")


class Grammar:
    """Writes conditions from one stream of chance; the library is filled at the start."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._library: list[Condition] = []
        self._library = [self.tree(self.chance.choice((1, 2, 2, 3)), "all") for _ in range(LIBRARY)]

    def tree(self, leaves: int, root: str | None = None) -> Condition:
        """A condition of about so many leaves; without a `root`, most groups are `all`."""
        parts: list[Condition] = []
        while leaves > 0:
            if self._library and self.chance.random() < SHARED:
                parts.append(self._from_library())
                leaves -= 1
            elif leaves >= 3 and self.chance.random() < 0.4:
                count = self.chance.choice((2, 3))
                parts.append({self.chance.choice(("any", "any", "all")): [self.leaf() for _ in range(count)]})
                leaves -= count
            else:
                made = self.leaf()
                parts.append({"none": [made]} if self.chance.random() < 0.1 else made)
                leaves -= 1
        return parts[0] if len(parts) == 1 else {root or self.chance.choice(("all", "all", "any")): parts}

    def leaf(self) -> str:
        """One leaf: a test of the record's own columns, or of an aggregate over a relation."""
        if self.chance.random() < AGGREGATES:
            return self._one_of((0.3, self._deals), (0.55, self._people), (0.7, self._tickets), (0.88, self._usage))
        return self._one_of((0.34, self._number), (0.66, self._enum), (0.72, self._flag), (0.92, self._moment))

    def change(self) -> str:
        """An event: something is not what it was at the evaluation before."""
        column = self.chance.choice(_TRACKED)
        value = self.chance.choice(ENUMS[column])
        return self.chance.choice((f"changed_to({column}, '{value}')", f"changed({column})"))

    def lasting(self) -> str:
        """A test of a number that has held for a while."""
        return f"held_for({self._number()}, interval {self.chance.choice((3, 7, 14))} days)"

    def _from_library(self) -> Condition:
        return self._library[min(int(self.chance.paretovariate(0.8)) - 1, len(self._library) - 1)]

    def _one_of(self, *choices: tuple[float, Callable[[], str]]) -> str:
        drawn = self.chance.random()
        rest = self._renewal if choices[0][1] == self._number else self._trend
        return next((write for below, write in choices if drawn < below), rest)()

    def _number(self) -> str:
        column = self.chance.choice(list(_NUMBERS))
        return f"{column} {self.chance.choice(('<', '>='))} {self.chance.choice(_NUMBERS[column])}"

    def _enum(self) -> str:
        column = self.chance.choice(_COLUMNS)
        values = ENUMS[column]
        if len(values) <= 7 and self.chance.random() < 0.5:
            return f"{column} = '{self.chance.choice(values)}'"
        count = self.chance.choice((2, 3, 4) if len(values) < 30 else (5, 12))
        return f"{column} in ({_listed(sorted(self.chance.sample(values, min(len(values) - 1, count))))})"

    def _flag(self) -> str:
        return self.chance.choice(("is_paying", "has_sso", "not is_paying"))

    def _moment(self) -> str:
        column = self.chance.choice(list(_MOMENTS))
        days = self.chance.choice((*DAYS, 3, 21, 45, 180))
        return f"{column} {self.chance.choice(('<', '>='))} {_MOMENTS[column]} - interval {days} days"

    def _renewal(self) -> str:
        return f"renewal_date between today() and today() + interval {self.chance.choice((30, 60, 90, 120, 180))} days"

    def _since(self, column: str) -> str:
        start = self.chance.choice(("now()", "today()"))
        return f"{column} >= {start} - interval {self.chance.choice(DAYS)} days"

    def _some(self, *tests: tuple[float, str]) -> str:
        """The tests that chance picks, at least the first."""
        picked = [test for share, test in tests if self.chance.random() < share] or [tests[0][1]]
        return " and ".join(picked)

    def _deals(self) -> str:
        stage = f"stage in ({_listed(OPEN_STAGES)})"
        if self.chance.random() < 0.25:
            stage = f"stage = '{self.chance.choice(ENUMS['stage'])}'"
        large = f"amount >= {self.chance.choice((500, 1_000, 5_000, 10_000, 25_000, 50_000))}"
        kind = f"deal_type = '{self.chance.choice(ENUMS['deal_type'])}'"
        where = self._some((1.0, stage), (0.6, large), (0.6, self._since("created_at")), (0.2, kind))
        if self.chance.random() < 0.75:
            return f"count(opportunities) filter (where {where}) >= {self.chance.choice((1, 1, 2, 2, 3))}"
        return f"sum(opportunities.amount) filter (where {where}) >= {self.chance.choice((5_000, 10_000, 50_000))}"

    def _people(self) -> str:
        who = self.chance.choice((f"role = '{self.chance.choice(ENUMS['role'])}'", "seniority in ('C-Level', 'VP')"))
        engaged = f"engagement >= {self.chance.choice((20, 40, 60, 80))}"
        where = self._some((1.0, who), (0.3, "is_active"), (0.2, "email_opt_in"), (0.3, engaged))
        if self.chance.random() < 0.3:
            return f"max(contacts.last_contacted_at) filter (where {where}) < now() - interval {self.chance.choice(DAYS)} days"
        return f"count(contacts) filter (where {where}) {self.chance.choice(('>= 1', '>= 1', '= 0', '>= 2'))}"

    def _tickets(self) -> str:
        urgent = f"priority in ({self.chance.choice(_URGENT)})"
        where = self._some((0.6, self._since("created_at")), (0.6, "status in ('open', 'pending')"), (0.6, urgent))
        if self.chance.random() < 0.15:
            return f"avg(tickets.csat) filter (where {self._since('created_at')}) < {self.chance.choice((2.5, 3, 4))}"
        return f"count(tickets) filter (where {where}) {self.chance.choice(('>= 1', '>= 2', '= 0'))}"

    def _usage(self) -> str:
        metric = f"metric = '{self.chance.choice(ENUMS['metric'])}'"
        where = self._some((1.0, self._since("ts")), (0.9, metric))
        if self.chance.random() < 0.15:
            return f"count(distinct usage.person) filter (where {self._since('ts')}) >= {self.chance.choice((2, 3, 5))}"
        if self.chance.random() < 0.3:
            return f"count(usage) filter (where {where}) >= {self.chance.choice((1, 2, 5))}"
        return f"sum(usage.quantity) filter (where {where}) {self.chance.choice(('>= 5', '>= 10', '>= 50', '< 5', '< 20'))}"

    def _trend(self) -> str:
        """Less, or more, than in the window before."""
        days = self.chance.choice((7, 14, 28))
        metric = self.chance.choice(ENUMS["metric"])
        now = f"metric = '{metric}' and ts >= today() - interval {days} days"
        before = (
            f"metric = '{metric}' and ts < today() - interval {days} days and ts >= today() - interval {2 * days} days"
        )
        factor = self.chance.choice(("< 0.6", "< 0.8", "> 1.2"))
        return f"sum(usage.quantity) filter (where {now}) {factor} * sum(usage.quantity) filter (where {before})"


_URGENT = ("'urgent'", "'high', 'urgent'", "'normal'")


def _listed(values: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)
