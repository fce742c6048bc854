-- [plan_actions] Planned actions with the values their content reads, as this evaluation sees them.
INSERT INTO outbox.actions BY NAME
SELECT
    p.action_id,
    p.participant_id,
    p.workflow,
    p.version,
    p.step_id,
    p.object,
    p.record,
    p.recipient,
    p.kind,
    p.content_id,
    COALESCE(v.content, '{}') AS "values",
    $evaluation_id AS evaluation_id,
    $as_of AS planned_at,
    $as_of AS send_after,
    p.due_at,
    p.is_long,
    -- an email to nobody is dropped where everybody can see it
    CASE WHEN p.kind IN ('email', 'sms') AND p.recipient IS NULL THEN 'dropped' ELSE 'planned' END AS status,
    $as_of AS status_at,
    CASE WHEN p.kind IN ('email', 'sms') AND p.recipient IS NULL THEN 'no_recipient' END AS status_reason
FROM planned AS p
LEFT JOIN (
    SELECT
        p.action_id,
        '{' || string_agg(to_json(c.name) || ':' || COALESCE(f.result, 'null'), ',' ORDER BY c.name) || '}' AS content
    FROM planned AS p
    JOIN live.content_values AS c ON c.content_id = p.content_id
    LEFT JOIN found_values AS f
        ON f.value = c.value AND f.record = CASE c.subject WHEN 'recipient' THEN p.recipient ELSE p.record END
    GROUP BY p.action_id
) AS v ON v.action_id = p.action_id;

-- [observed] Records whose objective is measured: those watched before, and those who entered just now.
CREATE OR REPLACE TEMP TABLE observed AS
SELECT object, record FROM watched
UNION
SELECT object, record FROM entrants;
