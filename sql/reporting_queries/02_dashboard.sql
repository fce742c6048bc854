-- [latest_evaluation] The evaluation that a report is about.
SELECT e.evaluation_id, e.as_of, p.files
FROM journal.evaluations AS e
LEFT JOIN live.projects AS p ON p.project_id = e.project_id
ORDER BY e.evaluation_id DESC
LIMIT 1;

-- [report_clock] What the report tables show: the evaluation they were made for, and the project it belonged to.
SELECT e.evaluation_id, e.as_of, p.name, p.timezone, p.files
FROM journal.evaluations AS e
LEFT JOIN live.projects AS p ON p.project_id = e.project_id
WHERE e.evaluation_id = (SELECT MAX(evaluation_id) FROM report.workflow_overview);

-- [workflow_cards] Every workflow with its headline and what is live of it.
SELECT
    o.workflow_id,
    o.workflow_version,
    o.objective_version,
    o.state,
    w.object,
    w.description,
    w.owner,
    w.launch,
    w.reentry,
    w.leave_on_objective,
    w.holdout_share,
    w.definition,
    o.objective_name,
    o.objective_text,
    o.d_max_days,
    o.maturity_days,
    o.entered_count,
    o.holdout_count,
    o.customer_count,
    o.active_count,
    o.exited_count,
    o.completed_count,
    o.error_count,
    o.late_count,
    o.stuck_count,
    o.met_at_entry_count,
    o.observed_count,
    o.matured_count,
    o.matured_met_count,
    o.met_share,
    o.met_lo,
    o.met_hi,
    o.matured_customer_count,
    o.matured_met_customer_count,
    o.met_customer_share,
    o.met_so_far_count,
    o.met_days_p50,
    o.first_matures_at,
    o.h_days,
    o.n_treat,
    o.x_treat,
    o.n_hold,
    o.x_hold,
    o.actions_planned_count,
    o.actions_sent_count,
    o.actions_failed_count,
    o.actions_failed_day_count,
    o.actions_cancelled_count,
    o.actions_dropped_count,
    o.newest_entered_at,
    o.usual_gap_days
FROM report.workflow_overview AS o
JOIN live.workflows AS w ON w.workflow = o.workflow_id AND w.version = o.workflow_version
ORDER BY o.workflow_id;

-- [weeks] Entries of all versions and objectives met of the current one, by ISO week; hold-out beside.
SELECT
    d.workflow_id,
    CAST(date_trunc('week', d.date) AS DATE) AS week,
    CAST(COALESCE(SUM(d.entered_count) FILTER (WHERE d.arm = 'treatment'), 0) AS BIGINT) AS entered_count,
    CAST(COALESCE(SUM(d.entered_count) FILTER (WHERE d.arm = 'holdout'), 0) AS BIGINT) AS heldout_count,
    CAST(SUM(d.first_met_count) FILTER (WHERE d.arm = 'treatment' AND d.objective_version = o.objective_version) AS BIGINT) AS met_count
FROM report.objective_daily AS d
JOIN report.workflow_overview AS o ON o.workflow_id = d.workflow_id
GROUP BY d.workflow_id, CAST(date_trunc('week', d.date) AS DATE)
ORDER BY d.workflow_id, week;

-- [flow_steps] The steps of the versions that newcomers enter, with their counts under the current objective.
SELECT
    s.workflow AS workflow_id,
    s.step_id,
    s.position,
    s.kind,
    s.action_kind,
    s.label,
    s.parent_step_id,
    s.arm,
    s.arms,
    COALESCE(f.reached_count, 0) AS reached_count,
    COALESCE(f.completed_count, 0) AS completed_count,
    COALESCE(f.here_count, 0) AS here_count,
    COALESCE(f.left_count, 0) AS left_count,
    COALESCE(f.late_count, 0) AS late_count,
    COALESCE(f.error_count, 0) AS error_count,
    COALESCE(f.eligible_count, 0) AS eligible_count,
    COALESCE(f.eligible_reached_count, 0) AS eligible_reached_count,
    f.reach_share,
    f.pass_share,
    f.median_stay_days,
    f.p90_stay_days
FROM report.workflow_overview AS o
JOIN live.steps AS s ON s.workflow = o.workflow_id AND s.version = o.workflow_version
LEFT JOIN report.step_funnel AS f
    ON f.workflow_id = s.workflow AND f.objective_version IS NOT DISTINCT FROM o.objective_version AND f.step_id = s.step_id
ORDER BY s.workflow, s.position;

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

-- [participants] The newest runs of one workflow.
SELECT
    run_id,
    workflow_version,
    objective_version,
    object,
    customer_id,
    arm,
    entered_at,
    entered_date,
    status,
    current_step_id,
    exit_reason,
    exit_override_name,
    CAST(exited_at AS DATE) AS exited_date,
    met_at_entry,
    met_in_window,
    CAST(first_met_at AS DATE) AS first_met_date,
    matured
FROM report.run_fact
WHERE workflow_id = $workflow
ORDER BY entered_at DESC, run_id
LIMIT $most;

-- [timelines] What happened to the newest runs of one workflow, in order.
SELECT t.run_id, t.date, t.kind, t.reason_code, t.why_text
FROM report.participant_timeline AS t
JOIN (
    SELECT run_id, entered_at
    FROM report.run_fact
    WHERE workflow_id = $workflow
    ORDER BY entered_at DESC, run_id
    LIMIT $most
) AS newest ON newest.run_id = t.run_id
ORDER BY newest.entered_at DESC, t.run_id, t.seq;
