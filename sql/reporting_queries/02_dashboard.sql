-- [latest_evaluation] The evaluation that a report is about.
SELECT e.evaluation_id, e.as_of, p.files
FROM journal.evaluations AS e
LEFT JOIN live.projects AS p ON p.project_id = e.project_id
ORDER BY e.evaluation_id DESC
LIMIT 1;

-- [report_clock] What the report tables are about.
SELECT evaluation_id, as_of, project, reporting_zone, post_exit_days, oldest_source_at
FROM report.report_meta;

-- [workflow_cards] Every workflow with its headline and the version that newcomers enter.
SELECT
    o.*,
    d.name,
    d.description,
    d.owner,
    d.object_type,
    d.launch,
    d.reentry,
    d.exit_on_objective,
    d.holdout_share,
    d.definition,
    d.field,
    d.operator,
    d.operand,
    d.measure
FROM report.workflow_overview AS o
JOIN report.workflow_dim AS d ON d.workflow_id = o.workflow_id AND d.version = o.workflow_version
ORDER BY o.workflow_id;

-- [versions] Every version, the newest first.
SELECT workflow_id, version, objective_version, objective_name, valid_from, valid_to, definition
FROM report.workflow_dim
ORDER BY workflow_id, version DESC;

-- [days] Sixty days: entries of all versions into treatment, and objectives met of the current one.
SELECT
    d.workflow_id,
    d.date,
    CAST(SUM(d.entered_count) AS BIGINT) AS entered_count,
    CAST(SUM(d.first_met_count) FILTER (WHERE d.objective_version = o.objective_version) AS BIGINT) AS met_count
FROM report.objective_daily AS d
JOIN report.workflow_overview AS o ON o.workflow_id = d.workflow_id
WHERE d.arm = 'treatment' AND d.date > CAST(o.as_of AS DATE) - 60
GROUP BY d.workflow_id, d.date
ORDER BY d.workflow_id, d.date;

-- [rates] The rate of the current objective as it stood at the end of each of twelve weeks.
SELECT d.workflow_id, d.date, d.matured_count, d.met_share
FROM report.objective_daily AS d
JOIN report.workflow_overview AS o ON o.workflow_id = d.workflow_id AND o.objective_version = d.objective_version
WHERE d.arm = 'treatment'
    AND date_diff('day', d.date, CAST(o.as_of AS DATE)) < 84
    AND date_diff('day', d.date, CAST(o.as_of AS DATE)) % 7 = 0
ORDER BY d.workflow_id, d.date;

-- [curve_points] The curves of the current objective, as far as they may be drawn, where they rise and every tenth day.
SELECT s.workflow_id, s.arm, s.day_no, s.at_risk, s.d_objective, s.d_lost, s.cif, s.cif_lo, s.cif_hi
FROM report.objective_survival AS s
JOIN report.workflow_overview AS o ON o.workflow_id = s.workflow_id AND o.objective_version = s.objective_version
JOIN report.objective_time AS t
    ON t.workflow_id = s.workflow_id AND t.objective_version = s.objective_version AND t.arm = s.arm AND t.cohort = s.cohort
WHERE s.cohort = 'all' AND s.day_no <= t.drawn_to_day
    AND (s.d_objective > 0 OR s.day_no % 10 = 0 OR s.day_no = t.drawn_to_day)
ORDER BY s.workflow_id, s.arm DESC, s.day_no;

-- [curves] The same in a few figures.
SELECT
    t.workflow_id,
    t.arm,
    t.n_runs,
    t.met_count,
    t.lost_count,
    t.open_count,
    t.days_to_objective_p25,
    t.days_to_objective_p50,
    t.days_to_objective_p75,
    t.cif_7,
    t.cif_14,
    t.cif_30,
    t.cif_60,
    t.cif_90,
    t.drawn_to_day
FROM report.objective_time AS t
JOIN report.workflow_overview AS o ON o.workflow_id = t.workflow_id AND o.objective_version = t.objective_version
WHERE t.cohort = 'all'
ORDER BY t.workflow_id, t.arm DESC;

-- [after_exit] Two weeks before the exit and thirty days after it, runs in treatment.
SELECT c.workflow_id, c.day_no, c.n_observed, c.value_mean, c.value_lo, c.value_hi, c.met_share
FROM report.post_exit_curve AS c
JOIN report.workflow_overview AS o ON o.workflow_id = c.workflow_id AND o.objective_version = c.objective_version
WHERE c.anchor = 'exit' AND c.arm = 'treatment'
ORDER BY c.workflow_id, c.day_no;

-- [cohorts] Who met the objective within so many days, by week of entry; runs in treatment.
SELECT c.workflow_id, c.entry_week, c.day_no, c.n_runs, c.met_count, c.complete, c.met_share
FROM report.objective_by_cohort AS c
JOIN report.workflow_overview AS o ON o.workflow_id = c.workflow_id AND o.objective_version = c.objective_version
WHERE c.arm = 'treatment' AND c.segment = 'all'
ORDER BY c.workflow_id, c.entry_week DESC, c.day_no;

-- [segments] Who met the current objective, told apart by what the record was when it entered; matured runs in treatment.
WITH run AS (
    SELECT
        f.workflow_id,
        f.customer_id,
        f.met_in_window,
        UNNEST([{'dimension': 'plan', 'name': f.plan_at_entry}, {'dimension': 'segment', 'name': f.segment_at_entry}], recursive := TRUE)
    FROM report.run_fact AS f
    JOIN report.workflow_overview AS o ON o.workflow_id = f.workflow_id AND o.objective_version = f.objective_version
    WHERE f.arm = 'treatment' AND f.matured AND NOT f.met_at_entry
),
customer AS (
    SELECT workflow_id, dimension, name, customer_id, COUNT(*) AS runs, COUNT(*) FILTER (WHERE met_in_window) AS met
    FROM run
    WHERE name IS NOT NULL
    GROUP BY workflow_id, dimension, name, customer_id
),
counted AS (
    SELECT
        workflow_id,
        dimension,
        name,
        CAST(SUM(runs) AS BIGINT) AS matured_count,
        CAST(SUM(met) AS BIGINT) AS met_count,
        effective_n(SUM(met), SUM(runs), COUNT(*), SUM(met * met), SUM(met * runs), SUM(runs * runs)) AS n_eff
    FROM customer
    GROUP BY workflow_id, dimension, name
)
SELECT
    workflow_id,
    dimension,
    name,
    matured_count,
    met_count,
    met_count / matured_count AS met_share,
    wilson_lo(met_count / matured_count * n_eff, n_eff) AS lo,
    wilson_hi(met_count / matured_count * n_eff, n_eff) AS hi
FROM counted
ORDER BY workflow_id, dimension, name;

-- [classes] Where everybody is, by the newest day of the current objective.
SELECT b.workflow_id, b.arm, b.state_class, b.run_count, b.customer_count
FROM report.participant_breakdown AS b
JOIN report.workflow_overview AS o
    ON o.workflow_id = b.workflow_id AND b.objective_version IS NOT DISTINCT FROM o.objective_version
WHERE b.run_count > 0
QUALIFY b.date = MAX(b.date) OVER (PARTITION BY b.workflow_id)
ORDER BY b.workflow_id, b.arm DESC, b.state_class;

-- [branches] What became of those who took each arm.
SELECT
    b.workflow_id,
    b.branch_step_id,
    b.branch_label,
    b.run_count,
    b.matured_count,
    b.met_count,
    b.met_share,
    b.lo,
    b.hi
FROM report.branch_outcome AS b
JOIN report.workflow_overview AS o
    ON o.workflow_id = b.workflow_id AND b.objective_version IS NOT DISTINCT FROM o.objective_version
ORDER BY b.workflow_id, b.branch_step_id, b.run_count DESC, b.branch_label;

-- [responses] Who answered after which step.
SELECT
    r.workflow_id,
    r.step_id,
    r.branch_path,
    r.completed_count,
    r.last_touch_count,
    r.last_touch_share,
    r.any_after_count,
    r.any_after_share
FROM report.responded_by_step AS r
JOIN report.workflow_overview AS o
    ON o.workflow_id = r.workflow_id AND r.objective_version IS NOT DISTINCT FROM o.objective_version
ORDER BY r.workflow_id, r.step_id;

-- [impacts] The measure of the same runs at two instants.
SELECT
    i.workflow_id,
    i.arm,
    i.pair,
    i.n_pairs,
    i.mean_from,
    i.mean_to,
    i.change_share,
    i.mean_diff,
    i.diff_lo,
    i.diff_hi
FROM report.objective_impact AS i
JOIN report.workflow_overview AS o ON o.workflow_id = i.workflow_id AND o.objective_version = i.objective_version
WHERE i.n_pairs > 0
ORDER BY i.workflow_id, i.arm DESC, i.pair;

-- [uplifts] The newest comparison with the hold-out.
SELECT u.*
FROM report.uplift AS u
JOIN report.workflow_overview AS o ON o.workflow_id = u.workflow_id AND o.objective_version = u.objective_version
QUALIFY ROW_NUMBER() OVER (PARTITION BY u.workflow_id ORDER BY u.date DESC) = 1
ORDER BY u.workflow_id;

-- [figures] Every figure under its own name.
SELECT v.workflow_id, v.arm, v.metric_id, d.label, d.unit, d.counted, v.value, v.numerator, v.denominator
FROM report.metric_value AS v
JOIN report.metric_dictionary AS d ON d.metric_id = v.metric_id
WHERE v.value IS NOT NULL
ORDER BY v.workflow_id, v.arm DESC, d.rowid;

-- [alerts] What needs attention, errors first.
SELECT workflow_id, rule, severity, text, first_seen_at
FROM report.alert
WHERE cleared_at IS NULL
ORDER BY CASE severity WHEN 'error' THEN 0 WHEN 'warn' THEN 1 ELSE 2 END, first_seen_at DESC, workflow_id, rule;

-- [cleared_alerts] What needed attention in the last thirty days and no longer does.
SELECT a.workflow_id, a.rule, a.severity, a.text, a.first_seen_at, a.cleared_at
FROM report.alert AS a
CROSS JOIN report.report_meta AS m
WHERE a.cleared_at > m.as_of - INTERVAL 30 DAYS
ORDER BY a.cleared_at DESC, a.workflow_id, a.rule
LIMIT 50;

-- [flow_steps] The steps of the versions that newcomers enter, with their counts under the current objective.
SELECT
    s.workflow_id,
    s.step_id,
    s.order_no AS position,
    s.kind,
    s.action_type AS action_kind,
    s.label,
    s.parent_step_id,
    s.branch_label AS arm,
    s.arms,
    COALESCE(f.reached_count, 0) AS reached_count,
    COALESCE(f.completed_count, 0) AS completed_count,
    COALESCE(f.here_count, 0) AS here_count,
    COALESCE(f.left_count, 0) AS left_count,
    COALESCE(f.late_count, 0) AS late_count,
    COALESCE(f.error_count, 0) AS error_count,
    COALESCE(f.skipped_count, 0) AS skipped_count,
    COALESCE(r.last_touch_count, 0) AS responded_count,
    f.reach_share,
    f.pass_share,
    f.median_stay_days,
    f.p90_stay_days
FROM report.workflow_overview AS o
JOIN report.step_dim AS s ON s.workflow_id = o.workflow_id AND s.version = o.workflow_version
LEFT JOIN report.step_funnel AS f
    ON f.workflow_id = s.workflow_id AND f.objective_version IS NOT DISTINCT FROM o.objective_version AND f.step_id = s.step_id
LEFT JOIN report.responded_by_step AS r
    ON r.workflow_id = s.workflow_id AND r.objective_version IS NOT DISTINCT FROM o.objective_version AND r.step_id = s.step_id
ORDER BY s.workflow_id, s.order_no;

-- [flow_edges] The ways taken under the current objective.
SELECT e.workflow_id, e.from_step_id, e.branch_label, e.to_step_id, e.run_count
FROM report.step_edge AS e
JOIN report.workflow_overview AS o
    ON o.workflow_id = e.workflow_id AND o.objective_version IS NOT DISTINCT FROM e.objective_version
ORDER BY e.workflow_id, e.from_step_id, e.branch_label, e.to_step_id;

-- [exits] Why runs in treatment left under the current objective, most frequent first.
SELECT
    x.workflow_id,
    x.reason_code,
    x.reason_name,
    CAST(SUM(x.exit_count) AS BIGINT) AS exit_count,
    SUM(x.exit_share) AS exit_share,
    CAST(SUM(x.met_before_count) AS BIGINT) AS met_before_count,
    CAST(SUM(x.met_after_count) AS BIGINT) AS met_after_count
FROM report.exit_reasons AS x
JOIN report.workflow_overview AS o
    ON o.workflow_id = x.workflow_id AND o.objective_version IS NOT DISTINCT FROM x.objective_version
WHERE x.arm = 'treatment'
GROUP BY x.workflow_id, x.reason_code, x.reason_name
ORDER BY x.workflow_id, exit_count DESC, x.reason_code, x.reason_name;

-- [participants] The runs of some workflows, the newest first.
SELECT
    workflow_id,
    run_id,
    customer_id,
    customer_name,
    arm,
    entry_no,
    entered_date,
    state_class,
    status,
    current_step_id,
    exit_reason,
    exit_override_name,
    CAST(exited_at AS DATE) AS exited_date,
    met_at_entry,
    met_in_window,
    CAST(first_met_at AS DATE) AS first_met_date,
    matured,
    late,
    stuck
FROM report.run_fact
WHERE workflow_id IN (SELECT UNNEST($workflows))
ORDER BY workflow_id, entered_at DESC, run_id;

-- [timelines] What happened to the newest runs of some workflows, in order.
SELECT
    t.run_id,
    t.date,
    t.kind,
    t.reason_code,
    t.why_text,
    t.value,
    t.step_id,
    CASE WHEN t.kind IN ('entered', 'would_enter') THEN t.why_trace END AS why_trace
FROM report.participant_timeline AS t
JOIN (
    SELECT run_id
    FROM report.run_fact
    WHERE workflow_id IN (SELECT UNNEST($workflows))
    QUALIFY ROW_NUMBER() OVER (PARTITION BY workflow_id ORDER BY entered_at DESC, run_id) <= $most
) AS newest ON newest.run_id = t.run_id
WHERE t.workflow_id IN (SELECT UNNEST($workflows))
ORDER BY t.run_id, t.seq;

-- [upcoming] What is to come in the next thirty days, by day and owner.
SELECT
    date,
    COALESCE(NULLIF(owner, ''), '') AS owner,
    workflow_id,
    certainty,
    action_type,
    label,
    customer_name,
    recipient
FROM report.upcoming
ORDER BY date, owner, workflow_id, customer_name, step_id, run_id;

-- [waiting] What waits for approval, the oldest first.
SELECT workflow_id, customer_name, action_type, label, owner, recipient, CAST(waiting_since AS DATE) AS since_date, waiting_days
FROM report.waiting
ORDER BY waiting_since, workflow_id, action_id;

-- [failed] What failed or is uncertain, the newest first.
SELECT workflow_id, customer_name, action_type, label, owner, recipient, status, CAST(failed_at AS DATE) AS failed_date, attempt, target, code, message
FROM report.failed
ORDER BY failed_at DESC, workflow_id, action_id;

-- [dictionary] Every figure: what it counts, and what to beware of.
SELECT metric_id, label, unit, counted, numerator, denominator, formula_sql, caveat, since_version
FROM report.metric_dictionary
ORDER BY rowid;
