-- [asked_of_insiders] The exit and objective conditions of everyone inside that hold. Few are asked and many hold: asked first.
CREATE OR REPLACE TEMP TABLE insiders_hold AS
SELECT a.participant_id, BOOL_OR(a.is_exit) AS meets_exit, BOOL_OR(NOT a.is_exit) AS meets_objective
FROM (
    SELECT p.participant_id, p.record, w.exit_condition AS condition, TRUE AS is_exit
    FROM state.participants AS p
    JOIN live.workflows AS w ON w.workflow = p.workflow AND w.version = p.flow_version
    WHERE p.left_at IS NULL AND w.exit_condition IS NOT NULL
    UNION ALL
    SELECT p.participant_id, p.record, w.objective_condition, FALSE
    FROM state.participants AS p
    JOIN live.workflows AS w ON w.workflow = p.workflow AND w.version = p.flow_version
    WHERE p.left_at IS NULL AND w.leave_on_objective
) AS a
JOIN truths AS t ON t.condition = a.condition AND t.record = a.record
GROUP BY a.participant_id;

-- [find_leavers] Who leaves, with the first reason that holds; judged before any step that is due.
CREATE OR REPLACE TEMP TABLE leavers AS
SELECT participant_id, from_step, reason
FROM (
    SELECT
        p.participant_id,
        p.step_id AS from_step,
        CASE
            WHEN r.record IS NULL THEN 'record_deleted'
            WHEN c.workflow IS NULL OR c.state = 'disabled' THEN 'workflow_disabled'
            WHEN h.meets_exit THEN 'exit_condition'
            WHEN h.meets_objective THEN 'objective'
        END AS reason
    FROM state.participants AS p
    LEFT JOIN live.workflows AS c ON c.workflow = p.workflow AND c.is_current
    LEFT JOIN records AS r ON r.object = p.object AND r.record = p.record
    LEFT JOIN insiders_hold AS h ON h.participant_id = p.participant_id
    WHERE p.left_at IS NULL
)
WHERE reason IS NOT NULL;

-- [let_go] Leavers leave: they rest nowhere and wait for nothing.
UPDATE state.participants AS p
SET
    status = 'exited',
    exit_reason = l.reason,
    left_at = $as_of,
    step_id = '(end)',
    arrived_at = $as_of,
    due_at = NULL,
    watched_until = greatest(p.watched_until, calendar_add($as_of, 0, 30, 0))
FROM leavers AS l
WHERE l.participant_id = p.participant_id;

-- [note_exits] One transition for each leaver.
INSERT INTO state.transitions
SELECT participant_id, $evaluation_id, 1, $as_of, 'exited', from_step, '(end)', NULL, NULL, reason
FROM leavers;

-- [cancel_actions] Whatever was planned for a leaver and not yet sent is cancelled.
UPDATE outbox.actions AS a
SET status = 'cancelled', status_at = $as_of, status_reason = l.reason
FROM leavers AS l
WHERE l.participant_id = a.participant_id AND a.status = 'planned';
