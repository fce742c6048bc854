-- [clear_workflow_overview if report_scope] Forget the last overview.
DELETE FROM report.workflow_overview WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_workflow_overview if report_scope] One row a workflow: counts over all versions, rates of the current objective alone.
INSERT INTO report.workflow_overview BY NAME
WITH entry AS (
    SELECT
        workflow_id,
        COUNT(*) AS entered_count,
        COUNT(*) FILTER (WHERE arm = 'holdout') AS holdout_count,
        COUNT(DISTINCT customer_id) AS customer_count,
        COUNT(*) FILTER (WHERE arm = 'treatment' AND exited_at IS NULL) AS active_count,
        COUNT(*) FILTER (WHERE arm = 'treatment' AND exited_at IS NOT NULL) AS exited_count,
        COUNT(*) FILTER (WHERE arm = 'treatment' AND exit_reason = 'reached_end') AS completed_count,
        COUNT(*) FILTER (WHERE arm = 'treatment' AND status = 'error') AS error_count,
        COUNT(*) FILTER (WHERE late) AS late_count,
        COUNT(*) FILTER (WHERE stuck) AS stuck_count,
        MIN(entered_at) AS oldest_entered_at,
        MAX(entered_at) AS newest_entered_at
    FROM runs
    GROUP BY workflow_id
),
gap AS (
    SELECT workflow_id, CASE WHEN COUNT(days) >= 5 THEN MEDIAN(days) END AS usual_gap_days
    FROM (
        SELECT
            workflow_id,
            date_diff('day', LAG(entered_date) OVER (PARTITION BY workflow_id ORDER BY entered_date), entered_date) AS days
        FROM (SELECT DISTINCT workflow_id, entered_date FROM runs)
    )
    GROUP BY workflow_id
),
rate AS (
    SELECT
        workflow_id,
        objective_version,
        COUNT(*) FILTER (WHERE met_at_entry) AS met_at_entry_count,
        COUNT(*) FILTER (WHERE NOT met_at_entry) AS observed_count,
        COUNT(*) FILTER (WHERE NOT met_at_entry AND matured) AS matured_count,
        COUNT(*) FILTER (WHERE met_in_window AND matured) AS matured_met_count,
        COUNT(DISTINCT customer_id) FILTER (WHERE NOT met_at_entry AND matured) AS matured_customer_count,
        COUNT(DISTINCT customer_id) FILTER (WHERE met_in_window AND matured) AS matured_met_customer_count,
        COUNT(*) FILTER (WHERE met_in_window) AS met_so_far_count,
        MIN(matures_at) FILTER (WHERE NOT met_at_entry) AS first_matures_at
    FROM runs
    WHERE arm = 'treatment' AND objective_version IS NOT NULL
    GROUP BY workflow_id, objective_version
),
customer AS (
    SELECT workflow_id, objective_version, customer_id, COUNT(*) AS runs, COUNT(*) FILTER (WHERE met_in_window) AS met
    FROM runs
    WHERE arm = 'treatment' AND objective_version IS NOT NULL AND NOT met_at_entry AND matured
    GROUP BY workflow_id, objective_version, customer_id
),
clustered AS (
    SELECT
        workflow_id,
        objective_version,
        effective_n(SUM(met), SUM(runs), COUNT(*), SUM(met * met), SUM(met * runs), SUM(runs * runs)) AS n_eff
    FROM customer
    GROUP BY workflow_id, objective_version
),
comparison AS (
    -- as it was shown today
    SELECT *
    FROM report.uplift
    QUALIFY ROW_NUMBER() OVER (PARTITION BY workflow_id, objective_version ORDER BY date DESC) = 1
),
action AS (
    SELECT
        workflow,
        COUNT(*) AS planned_count,
        COUNT(*) FILTER (WHERE status = 'sent') AS sent_count,
        COUNT(*) FILTER (WHERE status = 'failed') AS failed_count,
        COUNT(*) FILTER (WHERE status = 'failed' AND status_at > $as_of - to_hours(24)) AS failed_day_count,
        COUNT(*) FILTER (WHERE status = 'cancelled') AS cancelled_count,
        COUNT(*) FILTER (WHERE status = 'dropped') AS dropped_count
    FROM outbox.actions
    GROUP BY workflow
)
SELECT
    w.workflow AS workflow_id,
    w.version AS workflow_version,
    w.objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    w.state,
    w.objective_name,
    w.objective_text,
    CAST(CEIL(w.longest_stay_days) AS INTEGER) AS d_max_days,
    CAST(CEIL(w.longest_stay_days) AS INTEGER) + 30 AS maturity_days,
    COALESCE(e.entered_count, 0) AS entered_count,
    COALESCE(e.holdout_count, 0) AS holdout_count,
    COALESCE(e.customer_count, 0) AS customer_count,
    COALESCE(e.active_count, 0) AS active_count,
    COALESCE(e.exited_count, 0) AS exited_count,
    COALESCE(e.completed_count, 0) AS completed_count,
    COALESCE(e.error_count, 0) AS error_count,
    COALESCE(e.late_count, 0) AS late_count,
    COALESCE(e.stuck_count, 0) AS stuck_count,
    COALESCE(r.met_at_entry_count, 0) AS met_at_entry_count,
    COALESCE(r.observed_count, 0) AS observed_count,
    COALESCE(r.matured_count, 0) AS matured_count,
    COALESCE(r.matured_met_count, 0) AS matured_met_count,
    r.matured_met_count / NULLIF(r.matured_count, 0) AS met_share,
    wilson_lo(r.matured_met_count / r.matured_count * k.n_eff, k.n_eff) AS met_lo,
    wilson_hi(r.matured_met_count / r.matured_count * k.n_eff, k.n_eff) AS met_hi,
    k.n_eff,
    COALESCE(r.matured_customer_count, 0) AS matured_customer_count,
    COALESCE(r.matured_met_customer_count, 0) AS matured_met_customer_count,
    r.matured_met_customer_count / NULLIF(r.matured_customer_count, 0) AS met_customer_share,
    COALESCE(r.met_so_far_count, 0) AS met_so_far_count,
    r.met_so_far_count / NULLIF(r.observed_count, 0) AS met_so_far_share,
    t.days_to_objective_p25,
    t.days_to_objective_p50,
    t.days_to_objective_p75,
    r.first_matures_at,
    COALESCE(c.h_days, CAST(CEIL(w.longest_stay_days) AS INTEGER) + 30) AS h_days,
    COALESCE(c.n_treat, 0) AS n_treat,
    COALESCE(c.x_treat, 0) AS x_treat,
    COALESCE(c.n_hold, 0) AS n_hold,
    COALESCE(c.x_hold, 0) AS x_hold,
    c.diff_points AS uplift_points,
    c.av_lo_points AS uplift_lo_points,
    c.av_hi_points AS uplift_hi_points,
    c.verdict,
    c.more_needed,
    COALESCE(a.planned_count, 0) AS actions_planned_count,
    COALESCE(a.sent_count, 0) AS actions_sent_count,
    COALESCE(a.failed_count, 0) AS actions_failed_count,
    COALESCE(a.failed_day_count, 0) AS actions_failed_day_count,
    COALESCE(a.cancelled_count, 0) AS actions_cancelled_count,
    COALESCE(a.dropped_count, 0) AS actions_dropped_count,
    e.oldest_entered_at,
    e.newest_entered_at,
    g.usual_gap_days
FROM live.workflows AS w
JOIN report_scope AS s ON s.workflow_id = w.workflow
LEFT JOIN entry AS e ON e.workflow_id = w.workflow
LEFT JOIN gap AS g ON g.workflow_id = w.workflow
LEFT JOIN rate AS r ON r.workflow_id = w.workflow AND r.objective_version = w.objective_version
LEFT JOIN clustered AS k ON k.workflow_id = w.workflow AND k.objective_version = w.objective_version
LEFT JOIN report.objective_time AS t
    ON t.workflow_id = w.workflow AND t.objective_version = w.objective_version AND t.arm = 'treatment' AND t.cohort = 'all'
LEFT JOIN comparison AS c ON c.workflow_id = w.workflow AND c.objective_version = w.objective_version
LEFT JOIN action AS a ON a.workflow = w.workflow
WHERE w.is_current;
