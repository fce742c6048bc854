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
