-- [decisions] What the evaluation of an instant decided, one row each; who rests where comes with it.
SELECT 'entered' AS kind, workflow, record, arm AS detail FROM state.participants WHERE entered_at = $as_of
UNION ALL
SELECT 'exited', workflow, record, exit_reason FROM state.participants WHERE left_at = $as_of AND status = 'exited'
UNION ALL
SELECT 'completed', workflow, record, NULL FROM state.participants WHERE left_at = $as_of AND status = 'completed'
UNION ALL
SELECT 'action', workflow, record, step_id FROM outbox.actions WHERE planned_at = $as_of
UNION ALL
SELECT 'refused', workflow, record, reason FROM state.refusals WHERE refused_from = $as_of
UNION ALL
SELECT 'resting', workflow, record, step_id FROM state.participants WHERE left_at IS NULL
UNION ALL
SELECT 'measure', p.workflow, p.record, CAST(o.measure AS VARCHAR)
FROM state.observations AS o
JOIN state.participants AS p ON p.participant_id = o.participant_id
WHERE o.observed_at = $as_of
ORDER BY kind, workflow, record, detail;

-- [sends] Messages as they stand: those planned, and those dropped at an instant; times local to their zone.
SELECT
    workflow,
    record,
    step_id,
    CAST(send_after AT TIME ZONE zone AS VARCHAR) AS sends_at,
    zone,
    zone_rule,
    send_rule,
    CASE status WHEN 'dropped' THEN status_reason END AS dropped
FROM outbox.actions
WHERE kind IN ('email', 'sms', 'call') AND (status = 'planned' OR (status = 'dropped' AND status_at = $as_of))
ORDER BY workflow, record, step_id;
