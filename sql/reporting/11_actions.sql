-- [clear_action_log if report_scope] Forget the actions of workflows that are made anew.
DELETE FROM report.action_log WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_action_log if report_scope] Every action with its last try, and whose work it is.
INSERT INTO report.action_log BY NAME
SELECT
    a.workflow AS workflow_id,
    a.version AS workflow_version,
    f.objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    a.action_id,
    a.participant_id AS run_id,
    a.record AS customer_id,
    f.customer_name,
    a.step_id,
    a.kind AS action_type,
    COALESCE(
        json_extract_string(a.values, '$."' || json_extract_string(c.body, '$.assign.value') || '"'),
        CASE WHEN json_type(c.body, '$.assign') = 'VARCHAR' THEN json_extract_string(c.body, '$.assign') END
    ) AS owner,
    a.recipient,
    a.planned_at,
    a.send_after AS permitted_at,
    a.due_at,
    CASE WHEN a.status = 'sent' THEN a.status_at END AS sent_at,
    a.status,
    CASE a.status
        WHEN 'sent' THEN 'sent'
        WHEN 'failed' THEN 'failed'
        WHEN 'uncertain' THEN 'failed'
        WHEN 'dropped' THEN 'skipped'
        WHEN 'cancelled' THEN 'skipped'
        ELSE 'planned'
    END AS result,
    a.status_at AS result_at,
    a.status_reason AS reason_code,
    COALESCE(t.attempt, 0) AS attempt,
    t.sink AS target,
    t.payload_hash
FROM outbox.actions AS a
JOIN runs AS f ON f.run_id = a.participant_id
LEFT JOIN live.contents AS c ON c.content_id = a.content_id
LEFT JOIN (
    SELECT action_id, attempt, sink, payload_hash
    FROM outbox.attempts
    QUALIFY ROW_NUMBER() OVER (PARTITION BY action_id ORDER BY attempt DESC, attempted_at DESC, outcome) = 1
) AS t ON t.action_id = a.action_id;

-- [clear_action_daily if report_scope] Forget the days of workflows that are made anew.
DELETE FROM report.action_daily WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_action_daily if report_scope] Actions by the local date on which they were planned.
INSERT INTO report.action_daily BY NAME
SELECT
    a.workflow_id,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    CAST(a.planned_at AS DATE) AS date,
    a.step_id,
    a.action_type,
    COUNT(*) AS planned_count,
    COUNT(*) FILTER (WHERE a.result = 'sent') AS sent_count,
    COUNT(*) FILTER (WHERE a.result = 'skipped') AS skipped_count,
    COUNT(*) FILTER (WHERE a.result = 'failed') AS failed_count,
    COUNT(*) FILTER (WHERE a.result = 'planned') AS open_count
FROM report.action_log AS a
JOIN report_scope AS s ON s.workflow_id = a.workflow_id
GROUP BY a.workflow_id, CAST(a.planned_at AS DATE), a.step_id, a.action_type;
