-- [decisions] What the evaluation of an instant decided, one row each; who rests where comes with it.
WITH who AS (
    SELECT *, CASE WHEN occasion = '' THEN record ELSE record || '+' || occasion END AS name FROM state.participants
),
made AS (
    SELECT a.*, w.name
    FROM outbox.actions AS a
    JOIN who AS w ON w.participant_id = a.participant_id
    WHERE a.planned_at = $as_of OR a.status_at = $as_of
)
SELECT 'entered' AS kind, workflow, name AS record, arm AS detail FROM who WHERE entered_at = $as_of
UNION ALL
SELECT 'exited', workflow, name, exit_reason FROM who WHERE left_at = $as_of AND status = 'exited'
UNION ALL
SELECT 'completed', workflow, name, NULL FROM who WHERE left_at = $as_of AND status = 'completed'
UNION ALL
SELECT 'goal', workflow, name, exit_reason FROM who WHERE left_at = $as_of AND status = 'goal_met'
UNION ALL
SELECT 'action', workflow, name, step_id FROM made WHERE planned_at = $as_of
UNION ALL
SELECT 'value', workflow, name || '/' || step_id, CAST("values" AS VARCHAR) FROM made WHERE planned_at = $as_of
UNION ALL
SELECT 'outcome', workflow, name || '/' || step_id, status || COALESCE(':' || status_reason, '')
FROM made WHERE status_at = $as_of AND status <> 'planned'
UNION ALL
SELECT 'user', a.workflow, w.name || '/' || a.step_id, COALESCE(a.user_key, 'nobody')
FROM state.assignments AS a JOIN who AS w ON w.participant_id = a.participant_id WHERE a.assigned_at = $as_of
UNION ALL
SELECT 'refused', workflow, CASE WHEN occasion = '' THEN record ELSE record || '+' || occasion END, reason || COALESCE(':' || detail, '')
FROM state.refusals WHERE refused_from = $as_of
UNION ALL
SELECT 'resting', workflow, name, step_id FROM who WHERE left_at IS NULL
UNION ALL
SELECT 'status', workflow, name, status || COALESCE(':' || halt_reason, '') FROM who WHERE left_at IS NULL
UNION ALL
SELECT 'order', workflow, concat_ws(' ', command, workflow, record, step_id), outcome || COALESCE(':' || reason, '')
FROM journal.commands WHERE taken_at = $as_of
UNION ALL
SELECT 'measure', w.workflow, w.name, CAST(o.measure AS VARCHAR)
FROM state.observations AS o
JOIN who AS w ON w.participant_id = o.participant_id
WHERE o.observed_at = $as_of
ORDER BY kind, workflow, record, detail;

-- [action_of] The actions of a step for a record, in the order planned.
SELECT a.action_id
FROM outbox.actions AS a
JOIN state.participants AS p ON p.participant_id = a.participant_id
WHERE (CAST($workflow AS VARCHAR) IS NULL OR a.workflow = $workflow) AND a.step_id = $step
    AND CASE WHEN p.occasion = '' THEN a.record ELSE a.record || '+' || p.occasion END = $record
ORDER BY a.planned_at;

-- [refusals_of_record] Why a record is kept out now.
SELECT reason || COALESCE(':' || detail, '') AS reason
FROM state.refusals
WHERE (CAST($workflow AS VARCHAR) IS NULL OR workflow = $workflow) AND record = $record AND refused_to IS NULL
ORDER BY refused_from DESC;

-- [sends] Messages as they stand: those planned, and those dropped at an instant; times local to their zone.
SELECT
    workflow,
    CASE WHEN occasion = '' THEN record ELSE record || '+' || occasion END AS record,
    step_id,
    CAST(send_after AT TIME ZONE zone AS VARCHAR) AS sends_at,
    zone,
    zone_rule,
    send_rule,
    CASE status WHEN 'dropped' THEN status_reason END AS dropped
FROM outbox.actions
WHERE kind IN ('email', 'sms', 'call') AND (status = 'planned' OR (status = 'dropped' AND status_at = $as_of))
ORDER BY workflow, record, step_id, planned_at, send_after;
