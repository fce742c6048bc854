"""What the pages of queues and of the metric dictionary are made from: rows of the report tables as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pipelines.dashboard.facts import Alert


@dataclass(frozen=True)
class Upcoming:
    """Something to come."""

    date: date
    owner: str
    workflow_id: str
    certainty: str
    action_type: str
    label: str
    customer_name: str
    recipient: str | None


@dataclass(frozen=True)
class Waiting:
    """An action that waits for approval."""

    workflow_id: str
    customer_name: str
    action_type: str
    label: str
    owner: str | None
    recipient: str | None
    since_date: date
    waiting_days: int


@dataclass(frozen=True)
class Failed:
    """An action that failed, or of which nobody knows."""

    workflow_id: str
    customer_name: str
    action_type: str
    label: str
    owner: str | None
    recipient: str | None
    status: str
    failed_date: date
    attempt: int
    target: str | None
    code: str | None
    message: str | None


@dataclass(frozen=True)
class Queues:
    """What an operator looks at."""

    upcoming: tuple[Upcoming, ...]
    waiting: tuple[Waiting, ...]
    failed: tuple[Failed, ...]
    alerts: tuple[Alert, ...]
    cleared_alerts: tuple[Alert, ...]


@dataclass(frozen=True)
class Metric:
    """A row of the metric dictionary."""

    metric_id: str
    label: str
    unit: str
    counted: str
    numerator: str
    denominator: str | None
    formula_sql: str
    caveat: str
    since_version: int
