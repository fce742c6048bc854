-- [clear_exit_reasons if report_scope] Forget the last exits.
DELETE FROM report.exit_reasons WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_exit_reasons if report_scope] Runs that are out, by reason, step and week of entry.
INSERT INTO report.exit_reasons BY NAME
SELECT
    workflow_id,
    MAX(MAX(workflow_version)) OVER (PARTITION BY workflow_id, objective_version) AS workflow_version,
    objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    arm,
    exit_reason AS reason_code,
    exit_override_name AS reason_name,
    COALESCE(last_step_id, '(entry)') AS step_id,
    entry_week,
    COUNT(*) AS exit_count,
    COUNT(*) / SUM(COUNT(*)) OVER (PARTITION BY workflow_id, objective_version, arm) AS exit_share,
    COUNT(*) FILTER (WHERE NOT met_at_entry AND first_met_at <= exited_at) AS met_before_count,
    COUNT(*) FILTER (WHERE met_in_window AND first_met_at > exited_at AND first_met_at <= exited_at + to_days(30)) AS met_after_count,
    QUANTILE_DISC(date_diff('day', entered_date, CAST(exited_at AS DATE)), 0.5) AS median_days_in
FROM runs
WHERE exited_at IS NOT NULL
GROUP BY workflow_id, objective_version, arm, exit_reason, exit_override_name, COALESCE(last_step_id, '(entry)'), entry_week;
