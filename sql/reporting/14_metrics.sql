-- [clear_metric_value if report_scope] Forget the figures of workflows that are made anew.
DELETE FROM report.metric_value WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_metric_value if report_scope] Each figure with its numerator and denominator, of the current objective; nothing out of nothing is null.
INSERT INTO report.metric_value BY NAME
WITH place AS (
    SELECT o.workflow_id, o.workflow_version, o.objective_version, UNNEST(['treatment', 'holdout']) AS arm, o.holdout_count
    FROM report.workflow_overview AS o
    JOIN report_scope AS s ON s.workflow_id = o.workflow_id
),
total AS (
    SELECT
        p.workflow_id,
        p.workflow_version,
        p.objective_version,
        p.arm,
        COUNT(f.run_id) FILTER (WHERE f.matured AND NOT f.met_at_entry AND p.objective_version IS NOT NULL) AS matured,
        COUNT(f.run_id) FILTER (WHERE f.matured AND f.met_in_window) AS matured_met,
        COUNT(DISTINCT (f.object, f.customer_id)) FILTER (WHERE f.matured AND NOT f.met_at_entry AND p.objective_version IS NOT NULL) AS customers,
        COUNT(DISTINCT (f.object, f.customer_id)) FILTER (WHERE f.matured AND f.met_in_window) AS customers_met,
        COUNT(f.run_id) FILTER (WHERE NOT f.met_at_entry AND p.objective_version IS NOT NULL) AS observed,
        COUNT(f.run_id) FILTER (WHERE f.met_in_window) AS met_so_far,
        COUNT(f.run_id) FILTER (WHERE f.exit_reason = 'objective_met' AND p.arm = 'treatment') AS ended_met,
        COUNT(f.run_id) FILTER (WHERE f.exit_reason IN ('objective_met', 'reached_end') AND p.arm = 'treatment') AS ended,
        COUNT(f.run_id) FILTER (WHERE f.matured AND f.met_in_window AND f.still_met_exit30 IS NOT NULL) AS looked_back,
        COUNT(f.run_id) FILTER (WHERE f.matured AND f.met_in_window AND f.still_met_exit30) AS still_met,
        COUNT(r.responded_at) AS responded,
        SUM(date_diff('day', f.entered_date, CAST(r.responded_at AS DATE))) FILTER (WHERE r.responded_at IS NOT NULL) AS responded_days,
        COUNT(f.run_id) FILTER (WHERE f.late) AS late,
        COUNT(f.run_id) FILTER (WHERE f.stuck) AS stuck,
        COUNT(f.run_id) FILTER (WHERE f.exited_at IS NULL AND p.arm = 'treatment') AS inside
    FROM place AS p
    LEFT JOIN runs AS f
        ON f.workflow_id = p.workflow_id AND f.objective_version IS NOT DISTINCT FROM p.objective_version AND f.arm = p.arm
    LEFT JOIN responses AS r ON r.run_id = f.run_id
    WHERE p.arm = 'treatment' OR p.holdout_count > 0
    GROUP BY p.workflow_id, p.workflow_version, p.objective_version, p.arm
),
figure AS (
    SELECT t.workflow_id, t.workflow_version, t.objective_version, t.arm, m.metric_id, m.numerator, m.denominator, m.numerator / NULLIF(m.denominator, 0) AS value
    FROM total AS t
    CROSS JOIN LATERAL (
        SELECT 'met_share' AS metric_id, t.matured_met AS numerator, t.matured AS denominator
        UNION ALL
        SELECT 'met_customer_share', t.customers_met, t.customers
        UNION ALL
        SELECT 'met_so_far_share', t.met_so_far, t.observed
        UNION ALL
        SELECT 'still_met_share', t.still_met, t.looked_back
        UNION ALL
        SELECT 'goal_met_close_share', t.ended_met, t.ended WHERE t.arm = 'treatment'
        UNION ALL
        SELECT 'avg_days_to_objective_close', t.responded_days, t.responded WHERE t.arm = 'treatment'
    ) AS m
    UNION ALL
    SELECT t.workflow_id, t.workflow_version, t.objective_version, t.arm, m.metric_id, NULL, NULL, m.value
    FROM total AS t
    CROSS JOIN LATERAL (SELECT 'late' AS metric_id, t.late AS value UNION ALL SELECT 'stuck', t.stuck) AS m
    WHERE t.arm = 'treatment'
    UNION ALL
    SELECT p.workflow_id, p.workflow_version, p.objective_version, p.arm, v.metric_id, NULL, NULL, v.value
    FROM place AS p
    JOIN report.objective_impact AS i
        ON i.workflow_id = p.workflow_id AND i.objective_version = p.objective_version AND i.arm = p.arm
    CROSS JOIN LATERAL (
        SELECT 'impact_' || i.pair AS metric_id, i.change_share AS value
        UNION ALL
        SELECT 'value_at_entry', i.mean_from WHERE i.pair = 'entry_exit' OR (i.pair = 'entry_h' AND p.arm = 'holdout')
        UNION ALL
        SELECT 'value_at_exit', i.mean_to WHERE i.pair = 'entry_exit'
        UNION ALL
        SELECT 'value_at_exit30', i.mean_to WHERE i.pair = 'entry_exit30'
    ) AS v
    UNION ALL
    SELECT p.workflow_id, p.workflow_version, p.objective_version, p.arm, v.metric_id, NULL, NULL, v.value
    FROM place AS p
    JOIN report.objective_time AS t
        ON t.workflow_id = p.workflow_id AND t.objective_version = p.objective_version AND t.arm = p.arm AND t.cohort = 'all'
    CROSS JOIN LATERAL (
        SELECT 'cif_7' AS metric_id, t.cif_7 AS value
        UNION ALL
        SELECT 'cif_14', t.cif_14
        UNION ALL
        SELECT 'cif_30', t.cif_30
        UNION ALL
        SELECT 'cif_60', t.cif_60
        UNION ALL
        SELECT 'cif_90', t.cif_90
        UNION ALL
        SELECT 'days_to_objective_p25', t.days_to_objective_p25
        UNION ALL
        SELECT 'days_to_objective_p50', t.days_to_objective_p50
        UNION ALL
        SELECT 'days_to_objective_p75', t.days_to_objective_p75
    ) AS v
    UNION ALL
    SELECT p.workflow_id, p.workflow_version, p.objective_version, p.arm, 'uplift_points', NULL, NULL, u.diff_points
    FROM place AS p
    JOIN report.uplift AS u ON u.workflow_id = p.workflow_id AND u.objective_version = p.objective_version
    WHERE p.arm = 'treatment'
    QUALIFY ROW_NUMBER() OVER (PARTITION BY u.workflow_id ORDER BY u.date DESC) = 1
)
SELECT
    workflow_id,
    workflow_version,
    objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    arm,
    metric_id,
    value,
    numerator,
    denominator
FROM figure;

-- [remember_figures if report_scope] Figures that differ from what was published last, under the evaluation that changed them.
INSERT INTO report.objective_history BY NAME
SELECT v.workflow_id, v.objective_version, v.arm, v.metric_id, CAST($as_of AS DATE) AS date, $evaluation_id AS evaluation_id, v.value, v.numerator, v.denominator
FROM report.metric_value AS v
LEFT JOIN (
    SELECT *
    FROM report.objective_history
    QUALIFY ROW_NUMBER() OVER (PARTITION BY workflow_id, objective_version, arm, metric_id ORDER BY rowid DESC) = 1
) AS h
    ON h.workflow_id = v.workflow_id AND h.objective_version IS NOT DISTINCT FROM v.objective_version
    AND h.arm = v.arm AND h.metric_id = v.metric_id
-- the last digits of a sum may differ with the order in which it was made
WHERE (ROUND(v.value, 9), v.numerator, v.denominator) IS DISTINCT FROM (ROUND(h.value, 9), h.numerator, h.denominator)
ORDER BY v.workflow_id, v.arm, v.metric_id;
