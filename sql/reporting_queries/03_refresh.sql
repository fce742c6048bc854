-- [made_for] The evaluation that the report tables are about, and how many workflows were made anew for it just now.
SELECT (SELECT MAX(evaluation_id) FROM report.report_meta) AS evaluation_id, (SELECT COUNT(*) FROM report_scope) AS scope_count;

-- [clear_meta] What the report was about before.
DELETE FROM report.report_meta;

-- [note_meta] What the report is about, and when it was made.
INSERT INTO report.report_meta BY NAME
SELECT
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    COALESCE(p.name, '') AS project,
    COALESCE(p.timezone, 'UTC') AS reporting_zone,
    'monday' AS week_start,
    30 AS post_exit_days,
    (SELECT MAX(number) FROM journal.migrations) AS schema_version,
    $built_at AS built_at,
    s.as_of AS oldest_source_at,
    $build_ms AS build_ms
FROM journal.evaluations AS e
LEFT JOIN live.projects AS p ON p.project_id = e.project_id
LEFT JOIN journal.snapshots AS s ON s.snapshot_id = e.snapshot_id
WHERE e.evaluation_id = $evaluation_id;

-- [participating] The objects whose records have been participants, and the keys of these.
SELECT object, list(DISTINCT record ORDER BY record) AS records
FROM state.participants
GROUP BY object
ORDER BY object;

-- [report_words] What report tables and their columns mean; the table's own sentence has no column.
SELECT table_name, NULL AS column_name, comment
FROM duckdb_tables()
WHERE schema_name = 'report' AND database_name = current_database() AND comment IS NOT NULL
UNION ALL
SELECT table_name, column_name, comment
FROM duckdb_columns()
WHERE schema_name = 'report' AND database_name = current_database() AND comment IS NOT NULL
ORDER BY table_name, column_name NULLS FIRST;

-- [headlines] Each workflow's headline, those with the most alerts first.
SELECT
    o.workflow_id,
    o.state,
    o.objective_name,
    o.matured_count,
    o.matured_met_count,
    o.met_share,
    o.met_lo,
    o.met_hi
FROM report.workflow_overview AS o
LEFT JOIN (SELECT workflow_id, COUNT(*) AS n FROM report.alert WHERE cleared_at IS NULL GROUP BY workflow_id) AS a
    ON a.workflow_id = o.workflow_id
ORDER BY COALESCE(a.n, 0) DESC, o.workflow_id;

-- [weekly_rates] The share of matured runs that met the current objective, as known at the end of each of twelve weeks.
SELECT d.workflow_id, d.date, d.met_share
FROM report.objective_daily AS d
JOIN report.workflow_overview AS o ON o.workflow_id = d.workflow_id AND o.objective_version = d.objective_version
WHERE d.arm = 'treatment'
    AND date_diff('day', d.date, CAST(o.as_of AS DATE)) < 84
    AND date_diff('day', d.date, CAST(o.as_of AS DATE)) % 7 = 0
ORDER BY d.workflow_id, d.date;

-- [open_alerts] What needs attention, errors first.
SELECT workflow_id, rule, severity, text, first_seen_at
FROM report.alert
WHERE cleared_at IS NULL
ORDER BY CASE severity WHEN 'error' THEN 0 WHEN 'warn' THEN 1 ELSE 2 END, first_seen_at DESC, workflow_id, rule;
