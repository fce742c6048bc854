-- [plan_actions if planned] Planned actions with the values their content reads, as this evaluation sees them.
INSERT INTO outbox.actions BY NAME
SELECT
    p.action_id,
    p.participant_id,
    p.workflow,
    p.version,
    p.step_id,
    p.object,
    p.record,
    p.occasion,
    p.recipient,
    p.kind,
    p.content_id,
    COALESCE(v.content, '{}') AS "values",
    $evaluation_id AS evaluation_id,
    $as_of AS planned_at,
    $as_of AS send_after,
    p.due_at,
    p.is_long,
    -- what cannot be done is dropped where everybody can see it
    CASE WHEN d.reason IS NOT NULL THEN 'dropped' WHEN p.needs_approval THEN 'awaiting_approval' ELSE 'planned' END AS status,
    $as_of AS status_at,
    d.reason AS status_reason
FROM planned AS p
LEFT JOIN (
    SELECT action_id, CASE WHEN kind IN ('email', 'sms') THEN 'no_recipient' END AS reason FROM planned WHERE recipient IS NULL AND kind IN ('email', 'sms')
    UNION ALL
    SELECT action_id, 'nobody_available' FROM assigned WHERE user_key IS NULL
) AS d ON d.action_id = p.action_id
LEFT JOIN (
    SELECT action_id, '{' || string_agg(to_json(name) || ':' || result, ',' ORDER BY name) || '}' AS content
    FROM (
        SELECT p.action_id, c.name, COALESCE(f.result, 'null') AS result
        FROM planned AS p
        JOIN live.content_values AS c ON c.content_id = p.content_id
        LEFT JOIN found_values AS f
            ON f.value = c.value
            AND f.record = CASE c.subject WHEN 'recipient' THEN p.recipient WHEN 'row' THEN p.occasion ELSE p.record END
        UNION ALL
        SELECT p.action_id, 'user.' || p.assigned_by_step, COALESCE(CAST(to_json(u.user_key) AS VARCHAR), 'null')
        FROM planned AS p
        LEFT JOIN (
            SELECT participant_id, step_id, arg_max_null(user_key, assigned_at) AS user_key
            FROM state.assignments GROUP BY participant_id, step_id
        ) AS u ON u.participant_id = p.participant_id AND u.step_id = p.assigned_by_step
        WHERE p.assigned_by_step IS NOT NULL
    )
    GROUP BY action_id
) AS v ON v.action_id = p.action_id;

-- [start_workflows if planned or verdicts] Enroll steps order the next evaluation to start another workflow, for the record or for related ones.
INSERT INTO journal.commands BY NAME
SELECT
    substr(md5(a.action_id || '|' || COALESCE(e.occasion, a.record)), 1, 20) AS command_id,
    $as_of AS given_at,
    '(step) ' || a.workflow || '/' || a.step_id AS given_by,
    'enroll' AS command,
    s.enroll_workflow AS workflow,
    COALESCE(e.occasion, a.record) AS record
FROM outbox.actions AS a
JOIN live.steps AS s ON s.workflow = a.workflow AND s.version = a.version AND s.step_id = a.step_id
LEFT JOIN each_rows AS e ON e.each = s.enroll_value AND e.record = a.record
WHERE a.kind = 'enroll' AND a.status = 'planned' AND (s.enroll_value IS NULL OR e.occasion IS NOT NULL);

-- [note_started if planned or verdicts] An enroll action is done when the order is given.
UPDATE outbox.actions
SET status = 'sent', status_at = $as_of
WHERE kind = 'enroll' AND status = 'planned';

-- [observed if watched_participants or entrants] Records whose objective is measured: those watched before, and those who entered just now.
CREATE OR REPLACE TEMP TABLE observed AS
SELECT object, record FROM watched
UNION
SELECT object, record FROM entrants;
