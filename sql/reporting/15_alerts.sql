-- [find_alerts] What needs attention now, over all workflows: one row a workflow and rule.
CREATE OR REPLACE TEMP TABLE alerts_now AS
WITH clock AS (
    SELECT
        s.as_of AS source_at,
        (SELECT MAX(as_of) FROM journal.evaluations WHERE evaluation_id = $evaluation_id - 2) AS two_before
    FROM journal.evaluations AS e
    JOIN journal.snapshots AS s ON s.snapshot_id = e.snapshot_id
    WHERE e.evaluation_id = $evaluation_id
),
comparison AS (
    SELECT workflow_id, date, verdict, srm_p, LAG(verdict) OVER (PARTITION BY workflow_id, objective_version ORDER BY date) AS verdict_before
    FROM report.uplift
    QUALIFY ROW_NUMBER() OVER (PARTITION BY workflow_id ORDER BY date DESC) = 1
),
newest_day AS (
    SELECT d.workflow_id, d.null_share
    FROM report.objective_daily AS d
    JOIN report.workflow_overview AS o ON o.workflow_id = d.workflow_id AND o.objective_version = d.objective_version
    WHERE d.arm = 'treatment'
    QUALIFY ROW_NUMBER() OVER (PARTITION BY d.workflow_id ORDER BY d.date DESC) = 1
),
weekly AS (
    -- complete weeks by the week in which runs matured
    SELECT
        f.workflow_id,
        date_diff('week', CAST(date_trunc('week', CAST(f.matures_at AS DATE)) AS DATE), CAST(date_trunc('week', CAST($as_of AS DATE)) AS DATE)) AS weeks_ago,
        f.met_in_window
    FROM report.run_fact AS f
    JOIN report.workflow_overview AS o ON o.workflow_id = f.workflow_id AND o.objective_version = f.objective_version
    WHERE f.arm = 'treatment' AND f.matured AND NOT f.met_at_entry
),
trend AS (
    SELECT
        workflow_id,
        COUNT(*) FILTER (WHERE weeks_ago BETWEEN 1 AND 4) AS n_late,
        COUNT(*) FILTER (WHERE weeks_ago BETWEEN 1 AND 4 AND met_in_window) AS x_late,
        COUNT(*) FILTER (WHERE weeks_ago BETWEEN 5 AND 12) AS n_early,
        COUNT(*) FILTER (WHERE weeks_ago BETWEEN 5 AND 12 AND met_in_window) AS x_early
    FROM weekly
    GROUP BY workflow_id
)
SELECT
    workflow_id,
    'action_failed' AS rule,
    'error' AS severity,
    actions_failed_day_count || CASE actions_failed_day_count WHEN 1 THEN ' action' ELSE ' actions' END || ' failed in the last 24 hours' AS text,
    CAST(actions_failed_day_count AS DOUBLE) AS value,
    0.0 AS threshold
FROM report.workflow_overview
WHERE actions_failed_day_count > 0
UNION ALL
SELECT
    '(project)',
    'source_old',
    'error',
    'the data is of ' || strftime(source_at, '%-d %b %Y %H:%M') || ': two evaluations have passed without newer',
    epoch($as_of - source_at) / 3600,
    epoch($as_of - two_before) / 3600
FROM clock
WHERE source_at < two_before
UNION ALL
SELECT
    workflow_id,
    'no_entry',
    'warn',
    'nobody has entered for ' || date_diff('day', CAST(newest_entered_at AS DATE), CAST($as_of AS DATE)) || ' days, usually it is '
        || CAST(usual_gap_days AS INTEGER),
    date_diff('day', CAST(newest_entered_at AS DATE), CAST($as_of AS DATE)),
    3 * usual_gap_days
FROM report.workflow_overview
WHERE state = 'enabled' AND date_diff('day', CAST(newest_entered_at AS DATE), CAST($as_of AS DATE)) > 3 * usual_gap_days
UNION ALL
SELECT
    workflow_id,
    'measure_missing',
    'warn',
    'the measure is missing for ' || CAST(ROUND(100 * null_share) AS INTEGER) || ' % of those inside',
    null_share,
    0.05
FROM newest_day
WHERE null_share > 0.05
UNION ALL
SELECT
    workflow_id,
    'met_at_entry',
    'warn',
    'the objective was already met by ' || CAST(ROUND(100 * met_at_entry_count / (met_at_entry_count + observed_count)) AS INTEGER)
        || ' % of those who entered: entry and objective overlap',
    met_at_entry_count / (met_at_entry_count + observed_count),
    0.2
FROM report.workflow_overview
WHERE met_at_entry_count > 0.2 * (met_at_entry_count + observed_count)
UNION ALL
SELECT
    workflow_id,
    'stuck',
    'warn',
    stuck_count || CASE stuck_count WHEN 1 THEN ' rests' ELSE ' rest' END || ' seven days longer than the step allows',
    stuck_count,
    0
FROM report.workflow_overview
WHERE stuck_count > 0
UNION ALL
SELECT
    workflow_id,
    'sample_ratio',
    'error',
    'the hold-out is larger or smaller than it was drawn to be: the arms cannot be compared',
    srm_p,
    0.001
FROM comparison
WHERE srm_p < 0.001
UNION ALL
SELECT
    workflow_id,
    'verdict_changed',
    'info',
    'against the hold-out it was “' || verdict_before || '” and is “' || verdict || '” now',
    NULL,
    NULL
FROM comparison
WHERE verdict <> verdict_before AND date = CAST($as_of AS DATE)
UNION ALL
SELECT
    workflow_id,
    'rate_drop',
    'warn',
    'the objective was met by ' || CAST(ROUND(100 * x_late / n_late) AS INTEGER) || ' % of those who matured in the last 4 weeks, by '
        || CAST(ROUND(100 * x_early / n_early) AS INTEGER) || ' % in the 8 before',
    x_late / n_late,
    x_early / n_early
FROM trend
WHERE n_late > 0 AND n_early > 0 AND newcombe_hi_99(x_late, n_late, x_early, n_early) < 0;

-- [clear_gone_alerts] What is no longer so is over.
UPDATE report.alert AS a
SET cleared_at = $as_of
WHERE a.cleared_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM alerts_now AS n WHERE n.workflow_id = a.workflow_id AND n.rule = a.rule);

-- [see_alerts_again] What still is was seen again, with today's figures.
UPDATE report.alert AS a
SET last_seen_at = $as_of, severity = n.severity, text = n.text, value = n.value, threshold = n.threshold
FROM alerts_now AS n
WHERE n.workflow_id = a.workflow_id AND n.rule = a.rule AND a.cleared_at IS NULL;

-- [note_new_alerts] What is new begins now.
INSERT INTO report.alert BY NAME
SELECT n.workflow_id, n.rule, $as_of AS first_seen_at, n.severity, n.text, n.value, n.threshold, $as_of AS last_seen_at, NULL AS cleared_at
FROM alerts_now AS n
WHERE NOT EXISTS (SELECT 1 FROM report.alert AS a WHERE a.workflow_id = n.workflow_id AND a.rule = n.rule AND a.cleared_at IS NULL)
ORDER BY n.workflow_id, n.rule;
