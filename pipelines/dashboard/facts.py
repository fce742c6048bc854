"""What the pages are made from: rows of the report tables as frozen values. Everything behind them is pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Clock:
    """The evaluation that the report is about, its instant in the project's zone, and the project."""

    evaluation_id: int
    as_of: datetime
    project: str
    timezone: str
    post_exit_days: int
    source_at: datetime | None


@dataclass(frozen=True)
class Headline:
    """One workflow: a row of `report.workflow_overview` with the version that newcomers enter."""

    workflow_id: str
    workflow_version: int
    objective_version: str | None
    state: str
    object_type: str
    description: str
    owner: str
    launch: str | None
    reentry: str | None
    exit_on_objective: bool
    holdout_share: float
    definition: Mapping[str, Any]
    field: str | None
    operator: str | None
    operand: str | None
    measure: str | None
    objective_name: str | None
    objective_text: str | None
    d_max_days: int
    maturity_days: int
    entered_count: int
    holdout_count: int
    customer_count: int
    active_count: int
    exited_count: int
    completed_count: int
    error_count: int
    late_count: int
    stuck_count: int
    met_at_entry_count: int
    observed_count: int
    matured_count: int
    matured_met_count: int
    met_share: float | None
    met_lo: float | None
    met_hi: float | None
    matured_customer_count: int
    met_customer_share: float | None
    met_so_far_count: int
    days_to_objective_p25: int | None
    days_to_objective_p50: int | None
    days_to_objective_p75: int | None
    first_matures_at: datetime | None
    h_days: int
    actions_planned_count: int
    actions_sent_count: int
    actions_failed_count: int
    actions_cancelled_count: int
    actions_dropped_count: int
    oldest_entered_at: datetime | None
    newest_entered_at: datetime | None


@dataclass(frozen=True)
class Version:
    """One version, and while newcomers entered it."""

    version: int
    objective_version: str | None
    objective_name: str | None
    valid_from: datetime
    valid_to: datetime | None
    definition: Mapping[str, Any]


@dataclass(frozen=True)
class Day:
    """Entries and objectives met of one date; `met_count` is None before the current objective."""

    date: date
    entered_count: int
    met_count: int | None


@dataclass(frozen=True)
class Rate:
    """The rate as it stood on a date; `met_share` is None while nobody had matured."""

    date: date
    matured_count: int
    met_share: float | None


@dataclass(frozen=True)
class CurvePoint:
    """One day of a curve of time to objective."""

    arm: str
    day_no: int
    at_risk: int
    d_objective: int
    d_lost: int
    cif: float
    cif_lo: float | None
    cif_hi: float | None


@dataclass(frozen=True)
class Curve:
    """A curve in a few figures."""

    arm: str
    n_runs: int
    met_count: int
    lost_count: int
    open_count: int
    days_to_objective_p25: int | None
    days_to_objective_p50: int | None
    days_to_objective_p75: int | None
    cif_7: float | None
    cif_14: float | None
    cif_30: float | None
    cif_60: float | None
    cif_90: float | None
    drawn_to_day: int | None


@dataclass(frozen=True)
class ExitDay:
    """One day before or after the exit."""

    day_no: int
    n_observed: int
    value_mean: float | None
    value_lo: float | None
    value_hi: float | None
    met_share: float | None


@dataclass(frozen=True)
class CohortCell:
    """A week of entry and a number of days: how many met the objective within them."""

    entry_week: date
    day_no: int
    n_runs: int
    met_count: int
    complete: bool
    met_share: float | None


@dataclass(frozen=True)
class SegmentRate:
    """Who met the objective among records of one plan or segment at entry."""

    dimension: str
    name: str
    matured_count: int
    met_count: int
    met_share: float
    lo: float
    hi: float


@dataclass(frozen=True)
class StateClass:
    """How many are in one class."""

    arm: str
    state_class: str
    run_count: int
    customer_count: int


@dataclass(frozen=True)
class Branch:
    """One arm of a branch: what became of those who took it."""

    branch_step_id: str
    branch_label: str
    run_count: int
    matured_count: int
    met_count: int
    met_share: float | None
    lo: float | None
    hi: float | None


@dataclass(frozen=True)
class Response:
    """Who met objective or goal after one step."""

    step_id: str
    branch_path: str
    completed_count: int
    last_touch_count: int
    last_touch_share: float | None
    any_after_count: int
    any_after_share: float | None


@dataclass(frozen=True)
class Impact:
    """The measure of the same runs at two instants."""

    arm: str
    pair: str
    n_pairs: int
    mean_from: float
    mean_to: float
    change_share: float | None
    mean_diff: float
    diff_lo: float | None
    diff_hi: float | None


@dataclass(frozen=True)
class Uplift:
    """The newest comparison with the hold-out, as it was shown that day."""

    date: date
    h_days: int
    n_treat: int
    x_treat: int
    n_hold: int
    x_hold: int
    diff_points: float | None
    av_lo_points: float | None
    av_hi_points: float | None
    one_look_lo_points: float | None
    one_look_hi_points: float | None
    assigned_treat_count: int
    assigned_hold_count: int
    srm_p: float | None
    holdout_leak_count: int
    n_star: int
    verdict: str
    more_needed: int | None


@dataclass(frozen=True)
class Figure:
    """A figure under its own name."""

    arm: str
    metric_id: str
    label: str
    unit: str
    counted: str
    value: float
    numerator: float | None
    denominator: float | None


@dataclass(frozen=True)
class Alert:
    """Something that needs attention, or that did until `cleared_at`."""

    workflow_id: str
    rule: str
    severity: str
    text: str
    first_seen_at: datetime
    cleared_at: datetime | None = None


@dataclass(frozen=True)
class FlowStep:
    """One step of the flow that newcomers enter, with its counts."""

    step_id: str
    position: int
    kind: str
    action_kind: str | None
    label: str
    parent_step_id: str | None
    arm: str | None
    arms: tuple[str, ...]
    reached_count: int
    completed_count: int
    here_count: int
    left_count: int
    late_count: int
    error_count: int
    skipped_count: int
    responded_count: int
    reach_share: float | None
    pass_share: float | None
    median_stay_days: int | None
    p90_stay_days: int | None


@dataclass(frozen=True)
class FlowEdge:
    """How many went from one step to another, by the arm they took."""

    from_step_id: str
    branch_label: str | None
    to_step_id: str
    run_count: int


@dataclass(frozen=True)
class Exit:
    """How many left for one reason, and how many of them met the objective before or after."""

    reason_code: str
    reason_name: str
    exit_count: int
    exit_share: float
    met_before_count: int
    met_after_count: int


class Seen(NamedTuple):
    """A leaf of a condition, or a field, with the values that it saw, each under its name."""

    leaf: str
    values: tuple[tuple[str, Any], ...]


class Event(NamedTuple):
    """Something that happened to a run, in words; `seen` is what let it in."""

    date: date
    kind: str
    reason_code: str | None
    why_text: str
    value: float | None
    step_id: str | None = None
    seen: tuple[Seen, ...] = ()


class Run(NamedTuple):
    """One participant with everything that happened to it."""

    run_id: str
    customer_id: str
    customer_name: str
    arm: str
    entry_no: int
    entered_date: date
    state_class: str
    status: str
    current_step_id: str | None
    exit_reason: str | None
    exit_override_name: str | None
    exited_date: date | None
    met_at_entry: bool
    met_in_window: bool
    first_met_date: date | None
    matured: bool
    late: bool
    stuck: bool
    events: Sequence[Event]


@dataclass(frozen=True)
class WorkflowFacts:
    """Everything that one workflow's page shows, its participants left out."""

    headline: Headline
    versions: tuple[Version, ...] = ()
    days: tuple[Day, ...] = ()
    rates: tuple[Rate, ...] = ()
    curve_points: tuple[CurvePoint, ...] = ()
    curves: tuple[Curve, ...] = ()
    after_exit: tuple[ExitDay, ...] = ()
    cohorts: tuple[CohortCell, ...] = ()
    segments: tuple[SegmentRate, ...] = ()
    classes: tuple[StateClass, ...] = ()
    branches: tuple[Branch, ...] = ()
    responses: tuple[Response, ...] = ()
    impacts: tuple[Impact, ...] = ()
    uplift: Uplift | None = None
    figures: tuple[Figure, ...] = ()
    alerts: tuple[Alert, ...] = ()
    steps: tuple[FlowStep, ...] = ()
    edges: tuple[FlowEdge, ...] = ()
    exits: tuple[Exit, ...] = ()
